"""The index of an archive: what is encoded is decoded, and damage is refused."""

import base64
import json
import zlib
from typing import Any

import pytest

from loganalysis.count.line_marks import MAX_TEXT, LineMarks, MarksError
from loganalysis.index.archive_index import (
    MAX_MEMBERS,
    IndexedMember,
    MemberList,
    decode_index,
    encode_index,
)

MEMBERS = [
    IndexedMember("a.log", 512, 1000, 1.7e9, 1000, 10, 1.69e9),
    IndexedMember("photo.png", 2048, 7, 1.7e9, problem=("not_text", "it is a PNG image")),
    IndexedMember("not selected", 4096, 7, 1.7e9),
    IndexedMember("größe\n", 1024, 500, 1.7e9, 2000, 30, None),
]
MARKS = LineMarks([(0, 1, 5.0), (700, 8, None), (1000, 11, 9.0), (2500, 30, 10.0)])


def encoded() -> str:
    return encode_index(MemberList(MEMBERS), MARKS, 3000, 40)


def document() -> Any:
    return json.loads(zlib.decompress(base64.b64decode(encoded())))


def packed(changed: Any) -> str:
    return base64.b64encode(zlib.compress(json.dumps(changed).encode())).decode()


def test_an_index_has_all_members_and_the_marks_of_each() -> None:
    found = decode_index(encoded())
    assert (found.members, found.is_complete) == (MEMBERS, True)
    first, image, other, last = found.marks_of()
    assert first
    assert (first.marks, first.size, first.lines) == ([(0, 1, 5.0), (700, 8, None)], 1000, 10)
    assert (image, other) == (None, None)
    assert last
    assert (last.marks, last.size, last.lines) == ([(0, 1, 9.0), (1500, 20, 10.0)], 2000, 30)


def test_an_index_is_bounded() -> None:
    many = MemberList()
    for number in range(MAX_MEMBERS + 1):
        many.add(IndexedMember(f"{hash(str(number))}" * 5, number * 512, 1, 1.7e9, 1, 1))
    assert (len(many.members), many.is_complete) == (MAX_MEMBERS, False)
    text = encode_index(many, LineMarks(), MAX_MEMBERS, MAX_MEMBERS)
    assert len(text) <= MAX_TEXT
    found = decode_index(text)
    assert found.members == many.members[: len(found.members)]
    assert not found.is_complete


def test_a_long_name_ends_an_index() -> None:
    members = MemberList()
    for name in ("a.log", "x" * 1001, "b.log"):
        members.add(IndexedMember(name, 512, 1, 1.7e9))
    assert [each.name for each in members.members] == ["a.log"]
    assert not members.is_complete


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("names", ["a"]), ("names", [1, "b", "c", "d"]), ("at", [-1, 0, 0, 0])),
        *(("sizes", [1, 2, 3, -4]), ("sizes", None), ("bytes", [5000, None, None, 1])),
        *(("lines", [100, None, None, 1]), ("lines", ["x", None, None, 1])),
        *(("modified", ["x", 1, 1, 1]), ("last_times", [1e300, 1, 1, 1])),
        *(("problems", {"x": ["a", "b"]}), ("problems", {"1": 5}), ("problems", [])),
    ],
)
def test_a_damaged_index_is_refused(column: str, value: Any) -> None:
    changed = document()
    changed["members"][column] = value
    with pytest.raises(MarksError):
        decode_index(packed(changed))


def test_an_index_of_another_kind_is_refused() -> None:
    changed = document()
    del changed["members"]
    for text in (packed(changed), packed([]), "x", ""):
        with pytest.raises(MarksError):
            decode_index(text)
