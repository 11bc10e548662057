"""Which fields are counted, and how they are found: by walkers in C, by RE2, or by Python."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loganalysis.fields.program import Walker
from loganalysis.fields.statistics import Bounds
from loganalysis.match.patterns import MIN_MEMORY
from loganalysis.match.re2_regex import CapturingRegex
from loganalysis.match.regex_text import before_line_end, required_literals

MAX_FIELDS = 16
"""Fields of an analysis."""
LINE_BYTES = 64 << 10
"""Fields are read from this many bytes at the start of a line."""

Split = Callable[[bytes], dict[str, bytes] | None]
"""Returns the fields of a line, or None."""


class FieldError(ValueError):
    """A regex cannot give a field."""


@dataclass(frozen=True)
class FieldRegex:
    """A regex whose first match in a line gives fields. `groups` has a field's name for each number
    of a group; 0 is the whole match."""

    source: str
    required: bytes
    groups: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class FieldPlan:
    """The fields to count, by name, and where they come from.

    `format_fields` are fields of the format: walkers find them, or `split` if the format has no
    walker. `over_time` has a bit for each field that is also counted over time.
    If `from_lines` is set, it makes the plan from the first lines of the data instead.
    """

    names: tuple[str, ...]
    format_fields: tuple[str, ...] = ()
    regexes: tuple[FieldRegex, ...] = ()
    walkers: tuple[Walker, ...] = ()
    split: Split | None = None
    line_bytes: int = LINE_BYTES
    over_time: int = 0
    from_lines: "Callable[[Sequence[bytes]], FieldPlan] | None" = None

    @property
    def bounds(self) -> Bounds:
        """The limits of each field in memory."""
        return Bounds.of(len(self.names))


def field_regex(text: str, name: str) -> FieldRegex:
    """The regex for a field with this name, or for all its named groups if the name is empty.

    A named field is the group of this name, or else the only group, or else the whole match.
    Raises FieldError and RegexError.
    """
    regex = CapturingRegex(source_of(text), MIN_MEMORY)
    required = required_literals(text, False)[1]
    return FieldRegex(source_of(text), required, tuple(_groups(regex, name)))


def _groups(regex: CapturingRegex, name: str) -> Sequence[tuple[int, str]]:
    if not name:
        if not regex.groups:
            raise FieldError("has no named group such as (?P<ms>\\d+), so it needs a name")
        return [(number, group) for group, number in regex.groups.items()]
    if name in regex.groups:
        return [(regex.groups[name], name)]
    if regex.group_count > 1:
        raise FieldError(f"has {regex.group_count} groups, and none is named {name}")
    return [(regex.group_count, name)]


def source_of(text: str) -> str:
    """A regex in RE2's syntax, line by line."""
    return f"(?m)(?:{before_line_end(text)})"
