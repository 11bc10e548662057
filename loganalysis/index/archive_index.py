"""The index of an archive: where its members are, how many lines each has, and marks in them.

The scan makes it, and it is stored in the result like the marks of a file. It describes the first
members; readers find any further ones themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from loganalysis.count.line_marks import (
    MAX_NUMBER,
    MAX_TEXT,
    FileMarks,
    LineMarks,
    are_counts,
    differences,
    marks_document,
    pack,
    read_marks,
    read_reference,
    reference_row,
    sums,
    unpack,
)
from loganalysis.read.json_values import Json, JsonValue
from loganalysis.times.time_formats import Reference

MAX_MEMBERS = 2000
_MAX_NAME = 1000
_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class IndexedMember:
    """A member as the scan has found it.

    `at` and `size` are as in archive.Member. `modified` is when it was written, or the archive,
    if the member does not say. `bytes`, `lines` and `last_time` describe its text; `bytes`
    and `lines` are None if it was not scanned. `problem` is the code and the message
    of an UnreadableMember. `reference` determines its times, if `modified` does not.
    """

    name: str
    at: int
    size: int
    modified: float
    bytes: int | None = None
    lines: int | None = None
    last_time: float | None = None
    problem: tuple[str, str] | None = None
    reference: Reference | None = None


@dataclass
class MemberList:
    """The first members of an archive. `is_complete` is true if there are no others."""

    members: list[IndexedMember] = field(default_factory=list)
    is_complete: bool = True

    def add(self, member: IndexedMember) -> None:
        """Add the next member, unless there are too many, or a name is too long for an index."""
        has_room = len(self.members) < MAX_MEMBERS and len(member.name) <= _MAX_NAME
        if self.is_complete and has_room:
            self.members.append(member)
        else:
            self.is_complete = False


def encode_index(
    found: MemberList, marks: LineMarks, size: int, lines: int, records: str | None = None
) -> str:
    """Encode an index as text. It leaves out the last members if it would be too long.

    `size`, `lines` and the marks describe the text of all members together. `records` is as in
    encode_marks.
    """
    document = marks_document(marks, size, lines, None, records)
    members, is_complete = found.members, found.is_complete
    while True:
        text = pack({**document, "complete": is_complete, "members": _columns(members)})
        if len(text) <= MAX_TEXT:
            return text
        members, is_complete = members[: len(members) // 2], False


@dataclass(frozen=True)
class ArchiveIndex:
    """A decoded index."""

    members: list[IndexedMember]
    is_complete: bool
    marks: FileMarks

    def marks_of(self) -> list[FileMarks | None]:
        """The marks in the text of each member; None for a member that was not scanned."""
        sizes = accumulate((each.bytes or 0 for each in self.members), initial=0)
        counts = accumulate((each.lines or 0 for each in self.members), initial=0)
        found = list[FileMarks | None]()
        at, marks, bounds = 0, self.marks.marks, self.marks.bounds
        for member, offset, before in zip(self.members, sizes, counts, strict=False):
            if member.bytes is None or member.lines is None:
                found.append(None)
                continue
            first = at
            while at < len(marks) and marks[at][0] < offset + member.bytes:
                at += 1
            own = [(mark[0] - offset, mark[1] - before, mark[2]) for mark in marks[first:at]]
            is_right = all(1 <= mark[1] <= member.lines + 1 for mark in own)
            known = bounds[first:at] if bounds and is_right else None
            own = own if is_right else []
            if known is not None and bounds and first and (not own or own[0][0]):
                # The piece at the last mark before the member goes on in it.
                own.insert(0, (0, 1, None))
                known = bounds[first - 1 : at]
            found.append(
                FileMarks(
                    *(own, member.bytes, member.lines, member.last_time),
                    *(known, self.marks.records, member.reference),
                )
            )
        return found


def decode_index(text: str) -> ArchiveIndex:
    """Decode an index. Raises MarksError if it is damaged."""
    return unpack(text, _read, _MAX_BYTES)


def _columns(members: Sequence[IndexedMember]) -> Json:
    return {
        "names": [each.name for each in members],
        "at": differences([each.at for each in members]),
        "sizes": [each.size for each in members],
        "modified": [each.modified for each in members],
        "bytes": [each.bytes for each in members],
        "lines": [each.lines for each in members],
        "last_times": [each.last_time for each in members],
        "problems": {str(at): each.problem for at, each in enumerate(members) if each.problem},
        "references": {
            str(at): reference_row(each.reference)
            for at, each in enumerate(members)
            if each.reference is not None
        },
    }


def _read(document: JsonValue) -> ArchiveIndex:
    marks, columns = read_marks(document), document["members"]
    offsets, sizes, lines = sums(columns["at"]), columns["sizes"], columns["lines"]
    problems = {int(at): (str(code), str(text)) for at, (code, text) in columns["problems"].items()}
    references = columns.get("references", {})  # none from the previous release
    _require(all(type(each) is str for each in columns["names"]))
    _require(are_counts(offsets) and are_counts(sizes))
    _require(are_counts(each for each in (*columns["bytes"], *lines) if each is not None))
    times = [each for each in (*columns["modified"], *columns["last_times"]) if each is not None]
    _require(all(type(each) in (int, float) and abs(each) < MAX_NUMBER for each in times))
    figures = zip(columns["bytes"], lines, columns["last_times"], strict=True)
    rows = zip(columns["names"], offsets, sizes, columns["modified"], figures, strict=True)
    members = [
        IndexedMember(
            *(name, at, size, modified, *known, problems.get(number)),
            read_reference(references.get(str(number))),
        )
        for number, (name, at, size, modified, known) in enumerate(rows)
    ]
    _require(sum(each.bytes or 0 for each in members) <= marks.size)
    _require(sum(each.lines or 0 for each in members) <= marks.lines)
    return ArchiveIndex(members, document["complete"] is True, marks)


def _require(is_right: bool) -> None:
    if not is_right:
        raise ValueError("the members are not those of an archive")
