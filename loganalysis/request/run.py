"""Answers a request about a file: the one way from JSON and a file to a result as JSON."""

from collections.abc import Mapping

from pydantic import ValidationError

from loganalysis.explain.explain import explanations
from loganalysis.match import c_scanner
from loganalysis.read.errors import AnalysisError
from loganalysis.read.json_values import Json, JsonValue
from loganalysis.read.open_source import DecompressionLimits
from loganalysis.read.stored import Stored
from loganalysis.request.flaws import ValueFlaw, flaws
from loganalysis.request.request import AnalysisRequest
from loganalysis.scan.analyze import Report
from loganalysis.scan.analyze import analyze as scan_file
from loganalysis.scan.explaining_fields import with_explaining_fields
from loganalysis.scan.result_json import to_json


class RequestError(AnalysisError):
    """A request is not valid. `flaws` has what is wrong, and where."""

    def __init__(self, found: list[ValueFlaw]) -> None:
        super().__init__("; ".join(f"{each.path or 'request'}: {each.detail}" for each in found))
        self.flaws = found


def read_request(document: Mapping[str, JsonValue]) -> AnalysisRequest:
    """Check a request, as JSON has it, such as {"patterns": ["ERROR"]}. Raises RequestError."""
    try:
        return AnalysisRequest.model_validate(document)
    except ValidationError as error:
        raise RequestError([*flaws(error, document, AnalysisRequest)]) from None


def load() -> None:
    """Load the library in C, which forked processes then share.

    Raises ImportError or OSError if this platform has none, and RuntimeError for a processor that
    is too old.
    """
    c_scanner.load()


def analyze(
    file: Stored,
    request: AnalysisRequest,
    processes: int = 1,
    report: Report = lambda progress: None,
    limits: DecompressionLimits | None = None,
) -> Json:
    """Scan a file to its end, and return all that the request asks for.

    A plain file of 128 MiB or more is scanned by several `processes`, which are forked: the caller
    must have one thread. `report` gets {"bytes_done", "bytes_total", "counts"} up to ten times a
    second. `limits` bound what a compressed file may expand to. Raises FormatError,
    SelectionError, SourceError, HelperError and OSError.
    """
    options = with_explaining_fields(request.options(), file, limits)
    found = scan_file(file, request.analysis_patterns(), options, report, processes, limits)
    result = to_json(found, options)
    if options.explain:
        result["overview"]["explanations"] = explanations(result)
    return result
