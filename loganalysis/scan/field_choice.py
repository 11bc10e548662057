"""Chooses how the fields that a client asks for are found in a file, by some of its lines."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from loganalysis.fields.plan import FieldPlan, Split, field_regex
from loganalysis.fields.table import FieldTable
from loganalysis.formats import LogFormat, detect
from loganalysis.formats.detection import MixedFormat
from loganalysis.read import encodings
from loganalysis.read.formats import format_of
from loganalysis.read.stored import Stored, read_at, size_of
from loganalysis.records.rule import RecordRule

_SHOWN_FIELDS = 20  # in a warning

_BLOCK_BYTES = 64 << 10
_LINES = 120  # of each block


@dataclass(frozen=True)
class WantedField:
    """A field that a client asks for: of the format, or by a regex.

    The name may be empty if there is a regex: then each of its named groups is a field.
    `over_time` tells that it is also counted over time.
    """

    name: str
    regex: str = ""
    over_time: bool = False

    @property
    def names(self) -> list[str]:
        """The names of its fields."""
        if not self.regex:
            return [self.name]
        return [name for _, name in field_regex(self.regex, self.name).groups]


@dataclass
class PlannedFields:
    """How fields are found, if there are any, and the format that the file has."""

    plan: FieldPlan | None = None
    format: LogFormat | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields."""
        return self.plan.names if self.plan else ()

    def of_lines(
        self, wanted: Sequence[WantedField], lines: Sequence[bytes], modified: float | None
    ) -> FieldPlan:
        """Detect the format of these lines, and plan how C or Python finds its fields."""
        plan = _plan_of(wanted)
        names, of_format = plan.names, plan.format_fields
        if not of_format:
            return plan
        self.format = found = detect(lines, modified)
        formats = found.formats if isinstance(found, MixedFormat) else (found,)
        all_names = [name if name in of_format else "" for name in names]
        walkers = [walker for each in formats if (walker := each.walker(all_names))]
        if not formats[0].walker(all_names):
            return replace(plan, split=_splitter(found))
        return replace(plan, walkers=tuple(walkers))

    def warnings(self, table: FieldTable | None) -> list[dict[str, str]]:
        """A warning for each field that no line has."""
        counts = dict(zip(self.names, table.counts if table else [], strict=False))
        return [self._warning(name) for name, count in counts.items() if not count]

    def _warning(self, name: str) -> dict[str, str]:
        if not self.format or not self.plan or name not in self.plan.format_fields:
            message = f"The regex of the field {name} matches no line."
        else:
            known = ", ".join(self.format.fields[:_SHOWN_FIELDS]) or "none"
            message = (
                f"No line has a field {name}. The file's format is {self.format.title}."
                f" Its fields: {known}."
            )
        return {"code": "no_such_field", "message": message}


def names_of(wanted: Sequence[WantedField]) -> list[str]:
    """The names of all fields, in the order that the client gave."""
    return [name for each in wanted for name in each.names]


def plan_fields(
    file: Stored,
    wanted: Sequence[WantedField],
    modified: float,
    encoding: str | None = None,
    rule: RecordRule | None = None,
) -> PlannedFields:
    """Plan the fields of a file. Some of its lines are read if there are any fields.

    `modified` is the reference of the file. A compressed file is not opened: its first lines tell
    the format later. With a rule for records, only their first lines count. Raises OSError.
    """
    lines = sample_lines(file, encoding) if wanted else None
    if lines is None:
        return plan_by_first_lines(wanted)
    if rule:
        lines = [*filter(rule.matcher(), lines)] or lines
    planned = PlannedFields()
    planned.plan = planned.of_lines(wanted, lines, modified)
    return planned


def plan_by_first_lines(wanted: Sequence[WantedField]) -> PlannedFields:
    """Plan the fields of data whose first lines will tell its format."""
    planned = PlannedFields()
    if wanted:
        planned.plan = replace(
            _plan_of(wanted), from_lines=lambda lines: planned.of_lines(wanted, lines, None)
        )
    return planned


def _plan_of(wanted: Sequence[WantedField]) -> FieldPlan:
    """The fields to count, without a way to find the fields of the format."""
    over_time = [each.over_time for each in wanted for _ in each.names]
    return FieldPlan(
        tuple(names_of(wanted)),
        tuple(each.name for each in wanted if not each.regex),
        tuple(field_regex(each.regex, each.name) for each in wanted if each.regex),
        over_time=sum(1 << number for number, asked in enumerate(over_time) if asked),
    )


def _splitter(form: LogFormat) -> Split:
    def split(line: bytes) -> dict[str, bytes] | None:
        parts = form.split(line)
        return parts.fields if parts else None

    return split


def sample_lines(file: Stored, encoding: str | None = None) -> list[bytes] | None:
    """Some lines of a plain UTF-8 file, without newlines; None for any other file.

    A block of 64 KiB is read at each place. Raises OSError.
    """
    if format_of(file) is not None:
        return None
    if encodings.detect(read_at(file, 0, 4), encoding)[0] not in encodings.UTF8_ENCODINGS:
        return None
    size = size_of(file)
    places = sorted({0, size // 2, max(size - _BLOCK_BYTES, 0)})
    return [line for at in places for line in _lines(read_at(file, at, _BLOCK_BYTES), at > 0)]


def _lines(block: bytes, is_cut: bool) -> list[bytes]:
    """The first lines of a block, without the one that the block begins or ends within."""
    lines = block.split(b"\n")[is_cut:]
    return lines[:-1][:_LINES] or lines[:1]
