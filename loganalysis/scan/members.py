"""Results for the members of an archive. Their number is bounded, whatever the archive has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from loganalysis.archives.archive import UnreadableMember
from loganalysis.index.archive_index import MemberList
from loganalysis.read.json_values import Json
from loganalysis.times.histogram import rfc3339

MAX_LISTED = 1000
"""Members that a result lists; fewer with many patterns."""
_MAX_KEY_BYTES = 1_000_000
"""Bytes of all keys of patterns in a list of members, so that a result stays below 16 MiB."""
_MAX_NAMED = 3
_MAX_WARNINGS = 20


@dataclass
class MemberResult:
    """The result for one member. A member with a `problem` has none.

    `lines_before` counts the lines of all members before: the numbers of lines go on from member
    to member. Times are in epoch seconds.
    """

    name: str
    modified: float | None = None
    bytes: int = 0
    lines: int = 0
    lines_before: int = 0
    counts: Sequence[int] = ()
    format: str = "plain"
    encoding: str = "utf-8"
    time_span: tuple[float, float] | None = None
    problem: UnreadableMember | None = None

    def to_json(self, keys: Sequence[str], has_lines: bool) -> Json:
        """The result as clients get it; without lines if they are not counted.

        A member that was not analyzed has null instead of figures, which would look like a result.
        """
        known = None if self.problem else self
        lines = {name: known and getattr(known, name) for name in ("lines", "lines_before")}
        return {
            "name": self.name,
            "bytes": known and known.bytes,
            **(lines if has_lines else {}),
            "counts": known and dict(zip(keys, known.counts, strict=True)),
            "format": known and known.format,
            "encoding": known and known.encoding,
            "modified": None if self.modified is None else _time(self.modified),
            "time_span": self.time_span and [_time(each) for each in self.time_span],
            "error": self.problem and {"code": self.problem.code, "message": self.problem.message},
        }


@dataclass
class MemberResults:
    """The results for all members, and warnings about them.

    `index` tells where the members are.
    """

    max_listed: int
    listed: list[MemberResult] = field(default_factory=list)
    analyzed: int = 0
    failed: int = 0
    not_selected: int = 0
    warnings: list[dict[str, str]] = field(default_factory=list)
    index: MemberList = field(default_factory=MemberList)
    _failures: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, keys: Sequence[str]) -> "MemberResults":
        """Empty results for patterns with these keys."""
        key_bytes = sum(len(key.encode()) + 8 for key in keys)
        return cls(min(MAX_LISTED, _MAX_KEY_BYTES // max(key_bytes, 1)))

    def add(self, result: MemberResult, warnings: Sequence[dict[str, str]] = ()) -> None:
        """Add the result for the next member."""
        if result.problem:
            self.failed += 1
            if len(self._failures) < _MAX_NAMED:
                self._failures.append(f"{result.name}: {result.problem.message}")
        else:
            self.analyzed += 1
        if len(self.listed) < self.max_listed:
            self.listed.append(result)
        for each in warnings:
            if len(self.warnings) < _MAX_WARNINGS:
                named = {"code": each["code"], "message": f"{result.name}: {each['message']}"}
                self.warnings.append(named)

    def all_warnings(self) -> Iterator[dict[str, str]]:
        """Warnings about the archive as a whole, then about single members."""
        if self.failed:
            total, more = self.failed + self.analyzed, self.failed - len(self._failures)
            named = "; ".join(self._failures) + (f"; and {more} more" if more else "")
            were = "was" if self.failed == 1 else "were"
            message = f"{self.failed} of {total} members {were} not analyzed: {named}"
            yield {"code": "members_failed", "message": message}
        elif not self.analyzed:
            yield {"code": "no_members", "message": "the archive has no files"}
        yield from self.warnings

    def to_json(self, keys: Sequence[str], has_lines: bool) -> Json:
        """The fields of the result that only archives have."""
        return {
            "archive": {
                "members": self.analyzed + self.failed + self.not_selected,
                "analyzed": self.analyzed,
                "failed": self.failed,
                "not_selected": self.not_selected,
                "listed": len(self.listed),
            },
            "members": [each.to_json(keys, has_lines) for each in self.listed],
        }


def _time(seconds: float) -> str | None:
    """A time for clients; None if an archive states one outside of the calendar."""
    try:
        return rfc3339(seconds)
    except (OverflowError, ValueError):
        return None
