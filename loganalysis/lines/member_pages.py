"""Reads a page of lines through the members of an archive, in their order.

    member ──read_from──▶ lines ──▶ sink, with the name of the member
       └── at its end: the next one that is selected, with the number of lines before it

Lines are numbered through all members that are read, as an analysis numbers those it has selected.
"""

import time
from dataclasses import dataclass, field, replace
from typing import Protocol

from loganalysis.archives.archive import Member, Selection, UnreadableMember
from loganalysis.index.known_file import KnownFile
from loganalysis.index.line_clock import LineClock
from loganalysis.index.position import (
    START,
    CursorError,
    MemberPosition,
    Position,
    from_member_cursor,
    to_cursor,
)
from loganalysis.lines.known_archive import KnownArchive
from loganalysis.lines.matcher import FieldProblem, Matcher
from loganalysis.lines.numbered_lines import Sink
from loganalysis.lines.page import PageEnd, read_from, read_to_end
from loganalysis.lines.query import LineQuery
from loganalysis.lines.sinks import MemberPlace
from loganalysis.lines.time_range import resolve
from loganalysis.read.errors import SourceError
from loganalysis.times.time_limits import TimeLimit

_BEHIND_END = Position(1 << 52)
_MAX_NAMES = 5
_MAX_FAILED = 100
"""Members that a page reports because they cannot be read."""


class MemberSink(Sink, Protocol):
    """Takes the lines of a page that come from several members."""

    @property
    def has_numbers(self) -> bool:
        """Whether it uses the numbers of lines."""

    def begin(self, clock: LineClock, place: MemberPlace | None = None) -> None:
        """Take lines of a member from now on."""


@dataclass(frozen=True)
class FailedMember:
    """A member that was passed over, and why."""

    name: str
    problem: UnreadableMember


class NoReadableMember(Exception):
    """No member with the requested name can be read."""


@dataclass
class MemberChoice:
    """Selects the member with a name or, without one, the members that one of the globs matches."""

    name: str | None
    globs: list[str]

    def __post_init__(self) -> None:
        self._selection = Selection(self.globs)

    def selects(self, member: Member) -> bool:
        """Whether lines of this member are wanted."""
        if self.name is None:
            return self._selection.selects(member.name)
        return self.name in (member.name, member.shown_name)


@dataclass
class MemberPage:
    """One page. Call `read`; `failed` then has the members that were passed over."""

    archive: KnownArchive
    query: LineQuery
    choice: MemberChoice
    sink: MemberSink
    deadline: float
    failed: list[FailedMember] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Raises FieldProblem."""
        query = self.query
        self._matcher = Matcher(query.match, query.regex, query.ignore_case, query.kind)

    def read(self) -> PageEnd:
        """Read the page. Raises FieldProblem, NoReadableMember and OSError."""
        start = self._start()
        if self.query.needs_last_time and (early := self._resolve_times(start)):
            return early
        at, before, position = start.member, start.lines_before, start.position
        while (member := self.archive.find(at, self.deadline)) is not None:
            if self.choice.selects(member):
                is_first = at == start.member
                if self.sink.is_full() or (self._is_late and not is_first):
                    return self._end_at(at, before, position)
                end = self._read_member(at, before, position)
                if end is not None:
                    return end
                before += self.archive.ends[at].lines if at in self.archive.ends else 0
            at, position = at + 1, START
        if not self.archive.is_complete:
            return self._end_at(at, before, START)
        self._require_found()
        return PageEnd(None, self.archive.problem, self._total_lines())

    @property
    def _is_late(self) -> bool:
        return time.monotonic() > self.deadline

    def _start(self) -> MemberPosition:
        try:
            cursor = self.query.cursor
            return MemberPosition() if cursor is None else from_member_cursor(cursor)
        except CursorError as error:
            raise FieldProblem("cursor", str(error)) from None

    def _end_at(self, member: int, before: int, position: Position) -> PageEnd:
        cursor = to_cursor(MemberPosition(position, member, before))
        return PageEnd(cursor, None, self._total_lines())

    def _read_member(self, at: int, before: int, position: Position) -> PageEnd | None:
        """Read lines of one member; return the end of the page if it ends here."""
        first_line = max(self.query.line - before, 1) if self.query.line else None
        known = self.archive.ends.get(at)
        if known and first_line and first_line > known.lines:
            return None
        file, end = self._open(at, before, position)
        if file is None:
            return end
        place = MemberPlace(self.archive.members[at].shown_name, before)
        self.sink.begin(file.clock, place)
        query = replace(self.query, line=first_line, cursor=None)
        found = read_from(file, query, self._matcher, position, self.sink, self.deadline)
        if found.position is not None:
            return self._end_at(at, before, found.position)
        if found.problem:
            return PageEnd(None, self._problem_in(at, found.problem), None)
        end = self._count(at, before, file)
        if end is None:
            self.archive.release(at)
        return end

    def _open(
        self, at: int, before: int, position: Position
    ) -> tuple[KnownFile | None, PageEnd | None]:
        """The text of a member, or None with the end of the page, if it ends here."""
        if not self.archive.reach(at, self.deadline):
            return None, self._end_at(at, before, position)
        try:
            return self.archive.text(at), None
        except UnreadableMember as error:
            if len(self.failed) < _MAX_FAILED:
                name = self.archive.members[at].shown_name
                self.failed.append(FailedMember(name, error))
            return None, None
        except SourceError as error:
            return None, PageEnd(None, self._problem_in(at, str(error)), None)

    def _count(self, at: int, before: int, file: KnownFile) -> PageEnd | None:
        """Know the number of lines of a member, if the numbers of later lines need it."""
        needed = self.sink.has_numbers or self.query.line is not None
        if self.archive.note_end(at) or not needed:
            return None
        if problem := read_to_end(file, self.deadline):
            return PageEnd(None, self._problem_in(at, problem), None)
        return None if self.archive.note_end(at) else self._end_at(at, before, _BEHIND_END)

    def _problem_in(self, at: int, problem: str) -> str:
        return f"{problem}, in the member {self.archive.members[at].shown_name!r}"

    def _resolve_times(self, start: MemberPosition) -> PageEnd | None:
        """Replace times before the last one by times; return the end of the page if time is over.

        The last time is the latest one of all members that are selected.
        """
        at, times = 0, list[float]()
        later = self._end_at(start.member, start.lines_before, start.position)
        while (member := self.archive.find(at, self.deadline)) is not None:
            if self.choice.selects(member):
                try:
                    times += self._last_times(at)
                except _NotYet:
                    return later
                except SourceError as error:
                    return PageEnd(None, self._problem_in(at, str(error)), None)
            at += 1
        if not self.archive.is_complete:
            return later
        self.query = replace(
            self.query,
            start=_absolute("from", self.query.start, times),
            end=_absolute("to", self.query.end, times),
        )
        return None

    def _last_times(self, at: int) -> list[float]:
        """The last time of a member, if it has one. Raises _NotYet, SourceError and OSError."""
        if at not in self.archive.ends:
            if not self.archive.reach(at, self.deadline):
                raise _NotYet
            try:
                file = self.archive.text(at)
            except UnreadableMember:
                return []
            if not file.knows_last_time and (problem := read_to_end(file, self.deadline)):
                raise SourceError(problem, 0, 0)
            if not file.knows_last_time:
                raise _NotYet
            last = file.last_time()
            self.archive.note_end(at)
            self.archive.release(at)
        else:
            last = self.archive.ends[at].last_time
        return [] if last is None else [last]

    def _total_lines(self) -> int | None:
        """The number of lines in all members that are selected, if it is known."""
        archive, total = self.archive, 0
        if not archive.is_complete or archive.problem:
            return None
        for at, member in enumerate(archive.members):
            if self.choice.selects(member) and at not in archive.problems:
                if at not in archive.ends:
                    return None
                total += archive.ends[at].lines
        return total

    def _require_found(self) -> None:
        """Raise FieldProblem or NoReadableMember if no member has the requested name."""
        name, members = self.choice.name, self.archive.members
        if name is None:
            return
        found = [at for at, member in enumerate(members) if self.choice.selects(member)]
        problems = [self.archive.problems.get(at) for at in found]
        if not found:
            some = ", ".join(repr(each.shown_name) for each in members[:_MAX_NAMES])
            more = ", …" if len(members) > _MAX_NAMES else ""
            damage = f"; {self.archive.problem}" if self.archive.problem else ""
            detail = f"the archive has no file of this name; it has {some or 'no files'}{more}"
            raise FieldProblem("member", detail + damage)
        if (problem := problems[0]) and all(problems):
            raise NoReadableMember(f"the member {name!r} has no lines: {problem.message}")


class _NotYet(Exception):
    """The time is over before the end of a member is known."""


def _absolute(field_name: str, limit: TimeLimit | None, times: list[float]) -> TimeLimit | None:
    """Make a limit absolute. Raises FieldProblem if it is relative, and there are no times."""
    if limit is None:
        return None
    return TimeLimit(resolve(field_name, limit, max(times, default=None), 0))
