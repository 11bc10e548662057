"""Log analysis: counts texts and regexes in files of any size, and says what is in a file.

A package of its own: it imports nothing else of ours, and knows nothing of jobs, HTTP or a store.
These are its public names; they are imported when they are first used.

    analyze, read_request, AnalysisRequest    a file and a request, and the result as JSON
    load, DecompressionLimits                 the library in C; limits of compressed files
    AnalysisError, RequestError, UNREADABLE   what can go wrong
    BUILT_IN, named_sets, with_sets           pattern sets by name; SetConflict
    explain_range                             what is different in a range of time of a result
    tables_of, Table, html_page, PAGE_POLICY  a result for people
    LineReader, FileChanged, TimeLimit        pages of lines of a file
    flaws, TextOrObject                       errors of Pydantic models; a pattern in a model
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "BUILT_IN",
    "PAGE_POLICY",
    "UNREADABLE",
    "AnalysisError",
    "AnalysisRequest",
    "DecompressionLimits",
    "FileChanged",
    "LineReader",
    "RequestError",
    "SetConflict",
    "Table",
    "TextOrObject",
    "TimeLimit",
    "analyze",
    "explain_range",
    "flaws",
    "html_page",
    "load",
    "named_sets",
    "read_request",
    "tables_of",
    "with_sets",
]

if TYPE_CHECKING:
    from loganalysis.explain.explain import explain_range
    from loganalysis.lines.reader import FileChanged, LineReader
    from loganalysis.pattern_sets.built_in import BUILT_IN
    from loganalysis.read.errors import UNREADABLE, AnalysisError
    from loganalysis.read.open_source import DecompressionLimits
    from loganalysis.report.page import PAGE_POLICY, html_page
    from loganalysis.report.tables import Table, tables_of
    from loganalysis.request.flaws import flaws
    from loganalysis.request.patterns import TextOrObject
    from loganalysis.request.request import AnalysisRequest
    from loganalysis.request.run import RequestError, analyze, load, read_request
    from loganalysis.request.sets import SetConflict, named_sets, with_sets
    from loganalysis.times.time_limits import TimeLimit

_MODULES = {
    "explain.explain": "explain_range",
    "lines.reader": "FileChanged LineReader",
    "pattern_sets.built_in": "BUILT_IN",
    "read.errors": "AnalysisError UNREADABLE",
    "read.open_source": "DecompressionLimits",
    "report.page": "PAGE_POLICY html_page",
    "report.tables": "Table tables_of",
    "request.flaws": "flaws",
    "request.patterns": "TextOrObject",
    "request.request": "AnalysisRequest",
    "request.run": "RequestError analyze load read_request",
    "request.sets": "SetConflict named_sets with_sets",
    "times.time_limits": "TimeLimit",
}
"""The names that each module defines."""


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names.split():
            value = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
