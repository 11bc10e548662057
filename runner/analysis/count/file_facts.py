"""Facts about a file besides its patterns: its first and last time, and its invalid text."""

from dataclasses import dataclass, field

from runner.analysis.count.histogram import TimeSpan
from runner.analysis.input.invalid_text import InvalidText
from runner.analysis.input.mapped import MappedFile
from runner.analysis.input.window import WindowSource


@dataclass
class FileFacts:
    """The facts about a part of a file."""

    time_span: TimeSpan = field(default_factory=TimeSpan)
    invalid_text: InvalidText = field(default_factory=InvalidText)

    def merge(self, later: "FileFacts", offset: int) -> None:
        """Add the facts of the following part, which begins at `offset` of the data."""
        self.time_span.merge(later.time_span)
        self.invalid_text.merge(later.invalid_text, offset)


class ObservedSource:
    """A WindowSource that shows all data to a TimeSpan as it is read."""

    def __init__(self, source: WindowSource, time_span: TimeSpan) -> None:
        self._source = source
        self._time_span = time_span

    def readinto(self, buffer: memoryview) -> int:
        """Read from the source, see WindowSource."""
        size = self._source.readinto(buffer) or 0
        if size:
            self._time_span.feed(buffer[:size])
        return size

    def mapped_file(self) -> MappedFile | None:
        """The mapped file of the source, see WindowSource."""
        return self._source.mapped_file()

    def mark_consumed(self, data: memoryview, ascii: bool) -> None:
        """Pass data on that was taken from the mapped file, see WindowSource."""
        self._source.mark_consumed(data, ascii)
        if data:
            self._time_span.feed(data)
