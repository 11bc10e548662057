"""Analyzes the members of an archive one after another, and adds up their results.

archive ──▶ member ──▶ decompressed, checked for text ──▶ scan_text ──merge──▶ PartialResult
                                                              └──▶ MemberResult

Lines are numbered through all members. A match never spans two members.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from loganalysis.archives.archive import Archive, Member, Selection, UnreadableMember, time_of
from loganalysis.archives.member_text import MemberText, open_text
from loganalysis.count.result import PartialResult
from loganalysis.count.scanner import ScanOptions
from loganalysis.index.archive_index import IndexedMember
from loganalysis.match.patterns import Prepared
from loganalysis.match.regexes import adaptive_regexes
from loganalysis.read.encodings import Utf8Source
from loganalysis.read.errors import SelectionError, SourceError
from loganalysis.read.json_values import Json
from loganalysis.read.open_source import DecompressionLimits, Source
from loganalysis.scan.members import MemberResult, MemberResults
from loganalysis.scan.scan import REPORT_SECONDS, Look, Watch, scan_text, watch_nothing
from loganalysis.times.line_times import LineTimes
from loganalysis.times.reference_time import better_reference
from loganalysis.times.time_formats import Reference

_MAX_NAMES = 5

OptionsAt = Callable[[float], ScanOptions]
"""Takes the time of a member in epoch seconds; it determines the year of times that have none."""
ReportMembers = Callable[[int, list[int], int], None]
"""Takes the bytes of the file that were read, the counts so far, and the number of members done."""


class ArchiveScan:
    """The results for the members of an archive, as far as they were scanned.

    partial: the results of all members together.
    members: the results of each.
    time_span: the first and last time in epoch seconds, None if no member has one.
    bom: whether a member begins with a BOM.
    references: by `Member.at`, each Reference that a member's text proves instead of its time.
    """

    def __init__(
        self,
        archive: Archive,
        patterns: Sequence[Prepared],
        keys: Sequence[str],
        options_at: OptionsAt,
        modified: float,
        limits: DecompressionLimits,
        report: ReportMembers,
        watch: Watch = watch_nothing,
        references: Mapping[int, Reference] | None = None,
    ) -> None:
        """`modified` is the time of the archive, for members with an impossible one.

        `references` come from an earlier scan.
        """
        self._archive, self._patterns = archive, patterns
        self._options_at, self._modified = options_at, modified
        self._regexes = adaptive_regexes(patterns)
        self._meter = _Meter(limits, lambda: archive.bytes_done)
        self._report, self._report_at = report, 0.0
        self._watch = watch
        self._known = references or {}
        self.references: dict[int, Reference] = {}
        self._under_way: list[int] = []
        self.partial = PartialResult.of(len(patterns))
        self.members = MemberResults.of(keys)
        self.time_span: tuple[float, float] | None = None
        self._encodings = set[str]()
        self.bom = False

    @property
    def encoding(self) -> str:
        """The encoding of all members, or `mixed`."""
        if len(self._encodings) > 1:
            return "mixed"
        return next(iter(self._encodings), "utf-8")

    def run(self, selection: Selection, encoding: str | None) -> None:
        """Scan all selected members.

        `encoding` is a name from check_encoding, or None to detect the encoding of each member.
        Raises OSError, SelectionError, and SourceError (after a last report).
        """
        names: list[str] = []
        try:
            for member in self._archive.members():
                if selection.selects(member.name):
                    self._add(member, encoding)
                else:
                    self._add_to_index(member)
                    self.members.not_selected += 1
                    names += [member.shown_name] if len(names) < _MAX_NAMES else []
        except SourceError as error:
            raise SourceError(error.problem, error.file_offset, self._meter.data) from error
        finally:
            self._send_report()
        if names and not self.members.analyzed and not self.members.failed:
            globs, some = ", ".join(selection.globs), ", ".join(names)
            raise SelectionError(f"no member of the archive matches {globs}; it has {some}, …")

    def _add(self, member: Member, encoding: str | None) -> None:
        name, warnings = member.shown_name, list[dict[str, str]]()
        try:
            text = open_text(member, encoding)
            result = self._scan(member, text, encoding)
            warnings = text.warnings
        except UnreadableMember as problem:
            result = MemberResult(name, member.modified, problem=problem)
        except SourceError as error:
            problem_at = f"{error.problem}, in the member {name!r}"
            raise SourceError(problem_at, error.file_offset, error.data_offset) from error
        self._under_way = []
        self.members.add(result, warnings)
        self._add_to_index(member, result)

    def _add_to_index(self, member: Member, result: MemberResult | None = None) -> None:
        problem = result.problem if result else member.problem
        known = Json()
        if result and not problem:
            last_time = result.time_span and result.time_span[1]
            known = {"bytes": result.bytes, "lines": result.lines, "last_time": last_time}
            known["reference"] = self.references.get(member.at)
        self.members.index.add(
            IndexedMember(
                *(member.name, member.at, member.size, time_of(member, self._modified)),
                problem=(problem.code, problem.message) if problem else None,
                **known,
            )
        )

    def _scan(self, member: Member, text: MemberText, encoding: str | None) -> MemberResult:
        modified = time_of(member, self._modified)
        about = self._known.get(member.at, modified)
        options = self._options_at(about)
        source = Utf8Source(_Metered(text.source, self._meter, text.expands), encoding)
        found, span = scan_text(
            *(source, self._patterns, options, self._progress, self._regexes),
            *(self.partial.bytes, self._watch_member),
        )
        lines_before = self.partial.lines
        samples = options.lines.samples if options.lines else 0
        self.partial.merge(found, samples, is_same_file=False)
        if self._known:  # the text has proved it in the scan before
            better = self._known.get(member.at)
        else:
            better = better_reference(span.blocks, modified, modified)
        if better is not None:
            self.references[member.at] = better
        times = span.times(LineTimes(better or modified))
        self._add_span(times)
        self._encodings.add(source.encoding)
        self.bom = self.bom or source.bom
        return MemberResult(
            name=member.shown_name,
            modified=member.modified,
            bytes=found.bytes,
            lines=found.lines,
            lines_before=lines_before,
            counts=found.counts,
            format=text.format,
            encoding=source.encoding,
            time_span=times,
        )

    def _add_span(self, span: tuple[float, float] | None) -> None:
        if span and self.time_span:
            self.time_span = min(*self.time_span, *span), max(*self.time_span, *span)
        elif span:
            self.time_span = span

    def _watch_member(self, look: Look, has_failed: bool) -> None:
        if self.members.analyzed:
            look = look.behind(Look.at(self.partial))
        self._watch(look, has_failed)

    def _progress(self, _: int, counts: list[int]) -> None:
        self._under_way = counts
        if (now := time.monotonic()) >= self._report_at:
            self._report_at = now + REPORT_SECONDS
            self._send_report()

    def _send_report(self) -> None:
        counts = self.partial.counts
        if self._under_way:
            counts = [sum(both) for both in zip(counts, self._under_way, strict=True)]
        self._report(self._archive.bytes_done, counts, self.members.analyzed + self.members.failed)


class _Meter:
    """Counts the data of all members. The limits hold for the whole archive."""

    def __init__(self, limits: DecompressionLimits, bytes_done: Callable[[], int]) -> None:
        self._limits, self._bytes_done = limits, bytes_done
        self.data = 0
        self._expanded = 0

    def add(self, size: int, expands: bool) -> None:
        """Count the next bytes. Raises SourceError if they are too many."""
        self.data += size
        if not expands:
            return
        self._expanded += size
        done = self._bytes_done()
        if problem := self._limits.problem(self._expanded, done):
            raise SourceError(problem, done, self.data)


class _Metered(Source):
    """A source whose data a meter counts."""

    def __init__(self, source: Source, meter: _Meter, expands: bool) -> None:
        self._source, self._meter, self._expands = source, meter, expands

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read."""
        return self._source.bytes_done

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer, see Source."""
        size = self._source.readinto(buffer)
        self._meter.add(size, self._expands)
        return size

    def close(self) -> None:
        """Close the source."""
        self._source.close()
