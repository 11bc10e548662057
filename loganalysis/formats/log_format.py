"""The formats of log lines: what all of them have, and formats that are given by a layout."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from loganalysis.fields.layout import layout_of
from loganalysis.fields.program import Walker, layout_walker
from loganalysis.formats.levels import SYSLOG, level_at_start, level_of
from loganalysis.formats.times import FieldTimes

BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Parts:
    """The parts of a line. `time` is in epoch seconds, `level` one of the names in `levels`.

    `message_at` is the position of the message in the line, or None if the line contains it in
    another form, as JSON does.
    """

    time: float | None
    level: str | None
    message: bytes
    fields: dict[str, bytes] = field(default_factory=dict)
    message_at: int | None = None


class LogFormat(ABC):
    """A format of log lines, and the share of a file's lines that have it."""

    share: float = 0.0

    def __init__(self, name: str, title: str, fields: Sequence[str] = ()) -> None:
        self.name, self.title = name, title
        self.fields = tuple(fields)
        """The names of all fields that a line can have, in the order of the line."""

    @abstractmethod
    def split(self, line: bytes) -> Parts | None:
        """The parts of a line, without its newline; None if it does not have this format."""

    def walker(self, names: Sequence[str]) -> Walker | None:
        """The walker with which C finds the fields with these names; None if it cannot."""
        return None

    def recognizes(self, line: bytes) -> bool:
        """Whether a line certainly has this format: its time can be read, and its level is known.

        `split` accepts more: it does not look into the fields.
        """
        return self.split(line) is not None


class LayoutFormat(LogFormat):
    """A format that is given by a layout. Fields named time, level, priority and message are the
    parts of these names. Without a message, the whole line is one."""

    def __init__(self, name: str, title: str, layout: str, times: FieldTimes) -> None:
        self.layout = layout_of(layout)
        super().__init__(name, title, self.layout.fields)
        self._times = times

    def split(self, line: bytes) -> Parts | None:
        """The parts of a line, see the base class."""
        start = len(BOM) if line.startswith(BOM) else 0
        found = self.layout.regex.match(line.removesuffix(b"\r"), start)
        if not found:
            return None
        fields = {name: value for name, value in found.groupdict().items() if value is not None}
        has_message = "message" in fields
        message = fields["message"] if has_message else line.removesuffix(b"\r")
        at = found.start("message") if has_message else 0
        time = self._times.time_of(fields["time"]) if "time" in fields else None
        return Parts(time, _level(fields, message, has_message), message, fields, at)

    def walker(self, names: Sequence[str]) -> Walker:
        """The walker with which C finds the fields with these names."""
        return layout_walker(self.layout, names)

    def recognizes(self, line: bytes) -> bool:
        """Whether the line fits the layout, its time can be read, and its level is known."""
        parts = self.split(line)
        if not parts or ("time" in parts.fields and not self._times.is_time(parts.fields["time"])):
            return False
        return "level" not in parts.fields or parts.level is not None


def _level(fields: dict[str, bytes], message: bytes, has_message: bool) -> str | None:
    if "level" in fields:
        return level_of(fields["level"])
    if priority := fields.get("priority"):
        return SYSLOG[int(priority) % len(SYSLOG)]
    return level_at_start(message) if has_message else None
