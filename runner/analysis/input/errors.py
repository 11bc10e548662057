"""The errors of an analysis. Imports nothing of ours.

AnalysisError
├── PatternError   a pattern that cannot be searched for
├── FormatError    the file has no lines of text
└── HelperError    a helper process failed or died, so there is no valid result
"""


class AnalysisError(Exception):
    """Base class of this package's errors."""


class PatternError(AnalysisError):
    """Pattern number `index` cannot be searched for. `position` is a character in it, if known."""

    def __init__(self, index: int, message: str, position: int | None = None) -> None:
        self.index = index
        self.message = message
        self.position = position
        where = "" if position is None else f" (at character {position})"
        super().__init__(f"pattern {index} {message}{where}")


class FormatError(AnalysisError):
    """The file is an archive, or another format without lines. `name` has an article."""

    def __init__(self, name: str, advice: str) -> None:
        super().__init__(f"this is {name}, which analyze cannot read: {advice}")


class HelperError(AnalysisError):
    """A helper process failed or died, or the file changed while it was scanned."""
