"""Lines of the members of archives, compared with a plain implementation, for every format."""

import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from loganalysis.count.line_marks import MAX_TEXT
from loganalysis.index import blocks, gzip_points, known_file
from loganalysis.index.archive_index import MAX_MEMBERS, decode_index
from loganalysis.index.marks import Marks
from loganalysis.lines import member_text
from loganalysis.lines import reader as line_reader
from loganalysis.match.patterns import Pattern
from loganalysis.read.open_source import DecompressionLimits
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json
from runner.lines.__main__ import Answers
from tests.loganalysis.test_line_marks import near_marks as near_marks
from tests.support.loganalysis.archives import COMPRESS, METHODS, TARS, Files, tar_of, zip_of

START = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


def log(first: int, count: int) -> list[str]:
    """Lines, one each second from a second on; every fifth has no time."""
    return [
        f"    frame {number} größe"
        if number % 5 == 3
        else f"{START + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ} "
        f"{'ERROR' if number % 7 == 0 else 'INFO'} request {number}"
        for number in range(first, first + count)
    ]


LINES = {
    "a.log": log(0, 300),
    "var/b.log": log(300, 120),
    "empty.log": [],
    "c.txt": log(420, 200),
    "d.log.gz": log(620, 150),
    "e.log.xz": log(770, 90),
    "utf16.log": log(860, 40),
    "last.log": log(900, 80),
}


def data_of(name: str) -> bytes:
    text = "\n".join(LINES[name])
    if name == "utf16.log":
        return text.encode("utf-16")
    data = text.encode() + (b"\n" if name not in ("c.txt", "empty.log") else b"")
    if name.endswith(".gz"):
        return gzip.compress(data)
    return lzma.compress(data) if name.endswith(".xz") else data


FILES: Files = {name: data_of(name) for name in LINES}
ARCHIVES = {
    **{f"zip, {name}": zip_of(FILES, method) for name, method in METHODS.items()},
    "zip, streamed": zip_of(FILES, streamed=True),
    **{f"tar, {name}": tar_of(FILES, form) for name, form in TARS.items()},
    **{name: compress(tar_of(FILES)) for name, compress in COMPRESS.items()},
}
ALL = [(name, line) for name, lines in LINES.items() for line in lines]


@pytest.fixture(autouse=True)
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let blocks have a few lines, and small files have access points; close all streams."""
    monkeypatch.setattr(blocks, "FIRST_BYTES", 256)
    monkeypatch.setattr(blocks, "MOST_BYTES", 1024)
    monkeypatch.setattr(gzip_points, "MIN_FILE_BYTES", 0)
    yield
    while READERS:
        streams = READERS.pop().answers._reader._streams
        while streams._streams:  # a stream of a member gives its archive's stream back
            streams.close_idle(-1)


READERS: list["Reader"] = []


class Reader:
    """Reads lines of one file, as a listener asks for them."""

    def __init__(self, path: Path, content: bytes, index: str | None = None):
        path.write_bytes(content)
        self.answers, self.path = Answers(), path
        READERS.append(self)
        self.fixed: dict[str, Any] = {"key": "k", "index": index, "members": []}
        self.fixed |= {"member": None, "encoding": None}

    def answer(self, seconds: float = 30.0, as_text: bool = False, **given: Any) -> Any:
        query = {
            **dict.fromkeys(("match", "regex", "start", "end", "line", "cursor", "limit")),
            **{"ignore_case": False, "before": 0, "after": 0},
        }
        fixed = {name: given.pop(name) for name in list(given) if name in self.fixed}
        request = {
            **{"path": str(self.path), "size": self.path.stat().st_size},
            **{"seconds": seconds, "text_bytes": 1000 if as_text else None},
            **{**self.fixed, **fixed, "query": {**query, **given}},
        }
        return self.answers.answer(request)

    def page(self, **given: Any) -> Any:
        answer = self.answer(**given)
        assert answer["kind"] == "page", answer
        return json.loads(answer["body"])

    def pages(self, limit: int = 1000, **given: Any) -> Iterator[Any]:
        cursor = None
        while True:
            page = self.page(cursor=cursor, limit=limit, **given)
            yield page
            cursor = page["next"]
            if cursor is None:
                return

    def lines(self, **given: Any) -> list[Any]:
        return [line for page in self.pages(**given) for line in page["lines"]]

    def text(self, **given: Any) -> bytes:
        cursor, found = None, b""
        while True:
            answer = self.answer(as_text=True, cursor=cursor, **given)
            assert answer["kind"] == "text", answer
            found += bytes(answer["body"])
            cursor = answer["cursor"]
            if cursor is None:
                return found


def index_of(path: Path, content: bytes, *globs: str) -> str:
    path.write_bytes(content)
    options = AnalysisOptions(members=globs)
    result = to_json(analyze(path, [Pattern("ERROR")], options, lambda progress: None), options)
    index = result["file"]["line_index"]
    assert isinstance(index, str)
    return index


def found(lines: list[Any]) -> list[tuple[int, str, int, str]]:
    return [(each["line"], each["member"], each["member_line"], each["text"]) for each in lines]


def expected(names: list[str], text: str = "") -> list[tuple[int, str, int, str]]:
    """All lines of some members that contain a text: number, member, number there, line."""
    every = [(name, number, line) for name in names for number, line in enumerate(LINES[name], 1)]
    return [
        (number, name, own, line)
        for number, (name, own, line) in enumerate(every, 1)
        if text in line
    ]


@pytest.mark.parametrize("with_index", [True, False], ids=["index", "none"])
@pytest.mark.parametrize("content", ARCHIVES.values(), ids=ARCHIVES)
def test_lines_of_all_members_and_of_one_are_those_of_the_files(
    tmp_path: Path, content: bytes, with_index: bool
) -> None:
    path = tmp_path / "the file"
    reader = Reader(path, content, index_of(path, content) if with_index else None)
    everything = expected(list(LINES))
    far = reader.page(line=850, limit=30)  # the first question, from the middle
    assert found(far["lines"]) == everything[849:879]
    assert (far["total_lines"] == len(everything)) or not with_index
    assert found(reader.lines(match="ERROR", limit=9)) == expected(list(LINES), "ERROR")
    assert found(reader.lines()) == everything
    for name in LINES:
        assert found(reader.lines(member=name, limit=70)) == expected([name])
    assert found(reader.page(member="d.log.gz", line=141, limit=3)["lines"]) == [
        (number, "d.log.gz", number, LINES["d.log.gz"][number - 1]) for number in (141, 142, 143)
    ]
    chosen = [name for name in LINES if name.endswith(".log")]
    if not with_index:  # an index has the lines of the members that its job has selected
        assert found(reader.lines(members=["*.log"])) == expected(chosen)
    assert reader.page(line=len(everything), limit=5)["total_lines"] == len(everything)


@pytest.mark.parametrize("form", ["zip, streamed", *COMPRESS])
def test_records_end_with_their_member(tmp_path: Path, form: str) -> None:
    files = {"a.log": b"2026-11-25 10:00:00 a\n at b\n" * 30, "b.log": b" at b\nc\n"}
    packed = zip_of(files, streamed=True) if form not in COMPRESS else COMPRESS[form](tar_of(files))
    reader = Reader(tmp_path / "the file", packed)
    for limit in (1, 7, 1000):
        lines = reader.lines(records={"start": ""}, match="at b", limit=limit)
        assert [each["line"] for each in lines] == list(range(1, 62))
        assert [each["line"] for each in lines if "continues" not in each] == [*range(1, 62, 2)]
    assert reader.text(records={"start": ""}, match="at b") == files["a.log"] + b" at b\n"


@pytest.mark.parametrize("content", ARCHIVES.values(), ids=ARCHIVES)
def test_text_has_the_lines_of_all_members(tmp_path: Path, content: bytes) -> None:
    reader = Reader(tmp_path / "the file", content)
    assert reader.text(match="ERROR").decode().splitlines() == [
        line for _, line in ALL if "ERROR" in line
    ]
    assert reader.text(member="a.log").decode().splitlines() == LINES["a.log"]
    assert reader.text(line=700, regex="request").decode().splitlines() == [
        line for _, line in ALL[699:] if "request" in line
    ]


@pytest.mark.parametrize("name", ["zip, deflated", "zip, stored", "tar, pax", "tar.gz", "tar.zst"])
def test_times_select_lines_of_all_members(tmp_path: Path, name: str) -> None:
    reader = Reader(tmp_path / "the file", ARCHIVES[name])
    moment = START.timestamp()
    times = {"start": [moment + 290, False], "end": [moment + 310, False]}
    expected_lines = [line for _, line in ALL[290:310]]
    shown = [each["text"] for each in reader.lines(limit=7, **times)]
    assert [line for line in shown if "frame" not in line] == [
        line for line in expected_lines if "frame" not in line
    ]
    last = reader.lines(start=[5, True])  # before the latest time of all members
    assert [each["line"] for each in last] == [975, 976, 977, 978, 979, 980]
    own = reader.lines(start=[5, True], member="a.log")
    assert [each["line"] for each in own] == [295, 296, 297, 298, 299, 300]


@pytest.mark.parametrize("name", ["zip, deflated", "tar, pax", "tar.gz"])
def test_context_ends_with_the_member(tmp_path: Path, name: str) -> None:
    reader = Reader(tmp_path / "the file", ARCHIVES[name])
    page = reader.page(regex="request 300$", before=3, after=1, limit=5)
    assert [each["line"] for each in page["lines"]] == [301, 302]
    page = reader.page(regex="request 299$", before=1, after=3, limit=5)
    assert [(each["line"], each.get("context")) for each in page["lines"]] == [
        (299, True),
        (300, None),
    ]
    pages = list(reader.pages(regex="request (299|300)$", after=2, limit=1))
    assert [each["line"] for page in pages for each in page["lines"]] == [300, 301, 302, 303]


def test_a_page_whose_time_is_over_continues_with_its_cursor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_file, "Marks", partial(Marks, spacing=1))  # at each block
    for name in ("zip, deflated", "tar, pax", "tar.gz", "tar.zst"):
        reader = Reader(tmp_path / "the file", ARCHIVES[name])
        assert found(reader.lines(seconds=0, match="ERROR")) == expected(list(LINES), "ERROR")
        reader = Reader(tmp_path / "the file", ARCHIVES[name])
        assert len(reader.lines(seconds=0, start=[5, True])) == 6


def test_a_member_that_cannot_be_read_is_passed_over_and_reported(tmp_path: Path) -> None:
    files = {
        "photo.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "a.log": b"one\n",
        "old.zip": zip_of({"x": b"y"}),
        "cut.gz": gzip.compress(b"cut\n" * 1000)[:-20],
        "b.log": b"two\n",
    }
    for content in (zip_of(files), tar_of(files), gzip.compress(tar_of(files))):
        path = tmp_path / "the file"
        for index in (None, index_of(path, content)):
            reader = Reader(path, content, index)
            page = reader.page(match="o", limit=10)
            assert [each["text"] for each in page["lines"]] == ["one", "two"]
            failed = {each["name"]: each["code"] for each in page["failed_members"]}
            assert failed["photo.png"] == "not_text"
            assert failed["old.zip"] == "archive"
            assert failed["cut.gz"] == "damaged"
            refused = reader.answer(member="photo.png")
            assert refused["kind"] == "unreadable"
            assert "'photo.png' has no lines: it is a PNG image" in refused["detail"]


def test_an_encrypted_member_is_reported(tmp_path: Path) -> None:
    content = bytearray(zip_of({"secret.log": b"one\n", "b.log": b"two\n"}))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    reader = Reader(tmp_path / "the file", bytes(content))
    page = reader.page(limit=10)
    assert found(page["lines"]) == [(1, "b.log", 1, "two")]
    assert page["failed_members"] == [
        {"name": "secret.log", "code": "encrypted", "message": "it is encrypted"}
    ]
    assert "it is encrypted" in reader.answer(member="secret.log")["detail"]


def test_an_unknown_member_is_refused_with_the_names_of_some(tmp_path: Path) -> None:
    for name in ("zip, deflated", "tar.gz"):
        reader = Reader(tmp_path / "the file", ARCHIVES[name])
        refused = reader.answer(member="b.log")
        assert (refused["kind"], refused["field"]) == ("field", "member")
        assert "it has 'a.log', 'var/b.log'" in refused["detail"]
    plain = Reader(tmp_path / "the file", b"one\n")
    assert plain.answer(member="a")["field"] == "member"


@pytest.mark.parametrize("make", [zip_of, tar_of])
def test_names_are_only_labels(tmp_path: Path, make: Any) -> None:
    names = ["../../etc/passwd", "/etc/shadow", "two\nlines", "[a]*?.log", "größe", " x ", "-n"]
    reader = Reader(tmp_path / "the file", make({name: name.encode() for name in names}))
    for name in names:
        lines = found(reader.lines(member=name))
        assert [text for _, _, _, text in lines] == name.split("\n")
        assert {shown for _, shown, _, _ in lines} == {name}
    odd = tar_of({"n\udcff": b"one\n"})
    reader = Reader(tmp_path / "the file", odd)
    assert found(reader.lines(member="n\ufffd")) == [(1, "n\ufffd", 1, "one")]
    long = "d/" * 600 + "x.log"
    reader = Reader(tmp_path / "the file", make({long: b"one\n"}))
    (line,) = reader.lines()
    assert (len(line["member"]), line["member"][-1]) == (500, "…")
    assert reader.lines(member=line["member"]) == [line]


def test_members_of_one_name_are_read_one_after_another(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.log", "one\ntwo")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.log", "three\n")
    reader = Reader(tmp_path / "the file", target.getvalue())
    assert found(reader.lines(member="a.log")) == [
        (1, "a.log", 1, "one"),
        (2, "a.log", 2, "two"),
        (3, "a.log", 1, "three"),
    ]
    assert reader.page(member="a.log", line=3, limit=1)["lines"][0]["text"] == "three"


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.951])
@pytest.mark.parametrize("content", ARCHIVES.values(), ids=ARCHIVES)
def test_a_truncated_archive_gives_its_first_lines_and_the_problem(
    tmp_path: Path, content: bytes, share: float
) -> None:
    reader = Reader(tmp_path / "the file", content[: int(len(content) * share)])
    pages = list(reader.pages())
    lines = [each for page in pages for each in page["lines"]]
    texts = [line for _, line in ALL]
    shown = [each["text"] for each in lines]
    *most, last = shown or [""]
    assert texts[: len(most)] == most
    assert texts[len(most)].startswith(last.rstrip("\ufffd"))
    assert pages[-1]["problem"]
    assert "byte" in pages[-1]["problem"]


def test_compressed_members_expand_within_the_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = gzip.compress(b"\n" * 3_000_000)
    limits = DecompressionLimits(ratio_from_bytes=1000)
    monkeypatch.setattr(member_text, "DecompressionLimits", lambda: limits)
    reader = Reader(tmp_path / "the file", zip_of({"bomb.log": b"\n" * 3_000_000}))
    assert "times its file" in list(reader.pages(match="x"))[-1]["problem"]
    reader = Reader(tmp_path / "the file", gzip.compress(tar_of({"bomb.gz": bomb})))
    assert "times its file" in list(reader.pages(match="x"))[-1]["problem"]


def test_a_wrong_cursor_is_refused(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "the file", ARCHIVES["tar.gz"])
    plain = Reader(tmp_path / "plain", b"one\ntwo\n")
    for cursor in (plain.page(limit=1)["next"], "x"):
        assert reader.answer(cursor=cursor)["field"] == "cursor"
    assert plain.answer(cursor=reader.page(limit=1)["next"])["field"] == "cursor"


def test_the_members_that_are_known_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_reader, "MAX_MEMBERS", 3 * len(FILES))
    reader = Reader(tmp_path / "the file", ARCHIVES["tar, pax"])
    for key in range(6):
        reader.page(key=str(key), line=900, limit=1)
    assert len(reader.answers._reader._files) <= 4  # members are counted before a page is read
    assert reader.page(key="5", line=900, limit=1)["lines"][0]["member_line"] == 40


@pytest.mark.heavy
def test_an_index_that_was_cut_is_completed(tmp_path: Path) -> None:
    files = {f"{number}.log": b"one\n" * (number % 3) for number in range(3000)}  # 3,000 lines
    for content in (tar_of(files), zip_of(files), gzip.compress(tar_of(files))):
        path = tmp_path / "the file"
        index = index_of(path, content)
        assert 1000 < len(decode_index(index).members) <= MAX_MEMBERS
        assert len(index) <= MAX_TEXT
        reader = Reader(path, content, index)
        page = reader.page(line=2998, limit=10)
        assert found(page["lines"]) == [
            *((2998, "2998.log", 1, "one"), (2999, "2999.log", 1, "one")),
            (3000, "2999.log", 2, "one"),
        ]


@pytest.mark.parametrize("form", ["tar.gz", "tar.zst"])
def test_a_tar_archive_that_was_cut_before_it_was_compressed_has_a_problem(
    tmp_path: Path, form: str
) -> None:
    whole = tar_of({"a.log": b"line\n" * 1000})
    reader = Reader(tmp_path / "the file", COMPRESS[form](whole[:3000]))
    pages = list(reader.pages())
    assert sum(len(page["lines"]) for page in pages) == 293
    assert "the tar archive is cut short" in pages[-1]["problem"]
    assert "in the member 'a.log'" in pages[-1]["problem"]
