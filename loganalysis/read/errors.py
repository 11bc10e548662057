"""The errors of an analysis. Imports nothing of ours.

AnalysisError
├── PatternError   a pattern that cannot be searched for
├── FormatError    the file has no lines of text
├── SelectionError no member of the archive is selected
├── SourceError    the file cannot be read to its end
└── HelperError    a helper process failed or died, so there is no valid result
"""


class AnalysisError(Exception):
    """Base class of this package's errors."""


class PatternError(AnalysisError):
    """Pattern number `index` cannot be searched for. `position` is a character in it, if known.

    `text` is the text of the member of a combination that is wrong, None for other patterns.
    """

    text: str | None = None

    def __init__(self, index: int, message: str, position: int | None = None) -> None:
        self.index = index
        self.message = message
        self.position = position
        where = "" if position is None else f" (at character {position})"
        super().__init__(f"pattern {index} {message}{where}")


class FormatError(AnalysisError):
    """The data has no lines of text. `name` has an article; `is_archive` if it holds files."""

    def __init__(self, name: str, advice: str, is_archive: bool = False) -> None:
        super().__init__(f"this is {name}, which analyze cannot read: {advice}")
        self.name, self.is_archive = name, is_archive


class SelectionError(AnalysisError):
    """The globs for members select nothing in this archive."""


class SourceError(AnalysisError):
    """The data cannot be read further.

    `file_offset` counts bytes of the stored file, `data_offset` the bytes of data before the error.
    """

    def __init__(self, problem: str, file_offset: int, data_offset: int) -> None:
        super().__init__(problem, file_offset, data_offset)
        self.problem = problem
        self.file_offset = file_offset
        self.data_offset = data_offset

    def __str__(self) -> str:
        return (
            f"{self.problem} (at byte {self.file_offset} of the file, "
            f"after {self.data_offset} bytes of data)"
        )


class HelperError(AnalysisError):
    """A helper process failed or died, or the file changed while it was scanned."""


UNREADABLE = (FormatError, SelectionError, SourceError)
"""Errors that are the file's own: another try would find the same."""
