"""`jobservice analyze --local`: the same analysis in this process, without a service.

The engine is the distribution job-service-loganalysis, which the extra `analyze` installs.
"""

import dataclasses
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZipFile, ZipInfo

from jobservice.cli import exits
from jobservice.cli.exits import CommandError
from jobservice.cli.output import analysis_tables
from jobservice.cli.output.progress import JobProgress
from jobservice.cli.session import Session
from jobservice.json_values import Json, JsonValue
from jobservice.version import VERSION

if TYPE_CHECKING:
    from loganalysis import AnalysisRequest

INSTALL = 'pip install "job-service-client[analyze]", or in a checkout pip install ./loganalysis'
_FIXES = {
    "--compare": "compare jobs of a service with `jobservice diff`",
    "--wait-timeout": "run `timeout 5m jobservice analyze --local FILE`",
}
"""What to do instead of an option that needs a service."""
_FOR_LINES = ("line_index", "access_points")
"""Facts about a file for those who read its lines later, which a service does not show either."""
_OPTIONS = {"fields": "--field", "members": "--member", "pattern_sets": "--set"}
"""The options of fields of a request that have other names."""


class LocalAnalysis:
    """Analyzes files by one request. It shows results as `analyze` shows the result of a job."""

    def __init__(self, session: Session, payload: Json) -> None:
        _require_engine()
        self._output = session.output
        self._payload, self._request = _checked(payload)

    def run(self, groups: list[list[str]], stdin_name: str, page: str | None) -> int:
        """Analyze the files of each group together, and return the exit code.

        `page` is a path for the result as HTML.
        """
        several = len(groups) > 1
        documents: list[Json] = []
        for files in groups:
            named = [(stdin_name if file == "-" else file, file) for file in files]
            name = ", ".join(each for each, _ in named)
            documents.append(self._analyze(named, name))
            if len(documents) > 1 and not self._output.as_json:
                self._output.line()
            self._show(name, documents[-1], several)
        result = documents[-1]["result"]
        if page is not None and result is not None:
            _write_page(Path(page), documents[-1]["upload"]["name"], result)
        return exits.of_statuses([each["status"] for each in documents])

    def _analyze(self, named: list[tuple[str, str]], name: str) -> Json:
        """Return the result, or what is wrong, in the form of the document of a job."""
        from loganalysis import AnalysisError, analyze

        document: Json = {
            "type": "analyze",
            "payload": self._payload,
            "result": None,
            "error": None,
        }
        document["upload"] = {"name": Path(name).name}
        with JobProgress(self._output, name) as progress:
            try:
                with _stored(named) as path:
                    document["upload"]["size"] = path.stat().st_size
                    report = partial(progress.changed, "running")
                    result = analyze(path, self._request, _processors(), report)
                for fact in _FOR_LINES:
                    del result["file"][fact]
                document["result"] = result
            except (AnalysisError, OSError) as error:
                message = getattr(error, "strerror", None) or str(error)
                document["error"] = {"type": type(error).__name__, "message": message}
        return {"status": "failed" if document["error"] else "succeeded", **document}

    def _show(self, name: str, document: Json, several: bool) -> None:
        """Show a result. With several files, the name of each comes first."""
        output = self._output
        if output.as_json:
            output.item(document) if several else output.document(document)
        elif error := document["error"]:
            output.report(f"{name}: {error['message']}")
        else:
            if several:
                output.line(f"{name}:")
            analysis_tables.show(output, document["result"])


def _processors() -> int:
    """How many processes may scan a file at once: one, where processes cannot be forked."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    else:
        return 1


def refuse(*groups: Any) -> None:
    """Raise CommandError if an option is set that means something only for a service.

    A group is an instance of a dataclass of options, or a pair of one and names of its fields.
    """
    for given in groups:
        group, names = given if isinstance(given, tuple) else (given, None)
        for field in dataclasses.fields(group):
            declared: Any = field.default
            is_set = getattr(group, field.name) != declared.default
            if is_set and (names is None or field.name in names):
                option = declared.param_decls[0]
                fix = _FIXES.get(option, "leave it out")
                text = f"{option} needs a service: {fix}, or leave out --local"
                raise CommandError(text, exits.USAGE)


def _require_engine() -> None:
    """Raise CommandError if the analysis cannot run here."""
    wrong = ""
    if sys.version_info < (3, 11):
        wrong = "--local needs Python 3.11 or newer; all other commands run on 3.10, too"
    else:
        try:
            import loganalysis

            loganalysis.load()
        except ImportError as error:
            wrong = f"--local needs the extra `analyze` ({error}): {INSTALL}"
        except (OSError, RuntimeError) as error:
            wrong = f"--local cannot run on this machine: {error}"
    if wrong:
        raise CommandError(wrong, exits.USAGE)


def _checked(payload: Json) -> tuple[Json, "AnalysisRequest"]:
    """Return a payload with the patterns of its sets, and the request. Raises CommandError."""
    from loganalysis import BUILT_IN, RequestError, SetConflict, named_sets, read_request, with_sets

    for name in named_sets(payload):
        if name not in BUILT_IN:
            known = ", ".join(sorted(BUILT_IN))
            text = f"--set: there is no built-in set {name}; the built-in ones are {known}"
            raise CommandError(f"{text}. Saved sets are in a service", exits.USAGE)
    try:
        sets: Mapping[str, list[JsonValue]] = {
            name: [dict(each.document()) for each in found.patterns]
            for name, found in BUILT_IN.items()
        }
        whole = with_sets(payload, sets)
        return whole, read_request(whole)
    except SetConflict as error:
        raise CommandError(f"--set: {error.message}", exits.USAGE) from None
    except RequestError as error:
        texts = [f"{_option(flaw.path)}: {flaw.detail}" for flaw in error.flaws]
        raise CommandError("; ".join(texts), exits.USAGE) from None


def _option(path: str) -> str:
    """The option of a field of a request, or a pattern by its place: they have several options."""
    name = path.partition("[")[0].partition(".")[0]
    return path if name in ("patterns", "") else _OPTIONS.get(name, f"--{name}")


@contextmanager
def _stored(named: list[tuple[str, str]]) -> Iterator[Path]:
    """The path of a file on disk, by pairs of a name and a file.

    A pipe is copied, since the analysis reads any part of a file. Several files become a zip
    archive, as in a service.
    """
    if len(named) == 1 and Path(named[0][1]).is_file():
        yield Path(named[0][1])
        return
    with tempfile.TemporaryDirectory(prefix="jobservice-") as folder:
        path = Path(folder, "file")
        if len(named) == 1:
            with path.open("wb") as copy:
                _copy(named[0][1], copy)
        else:
            with ZipFile(path, "w") as archive:
                for name, file in named:
                    member = ZipInfo(_unused(Path(name), archive.namelist()))
                    with archive.open(member, "w", force_zip64=True) as content:
                        _copy(file, content)
        yield path


def _copy(file: str, copy: IO[bytes]) -> None:
    with sys.stdin.buffer if file == "-" else Path(file).open("rb") as source:
        shutil.copyfileobj(source, copy)


def _unused(path: Path, used: list[str]) -> str:
    """The name of a file in an archive: `app.log` and then `app (2).log`."""
    numbered = (f"{path.stem} ({number}){path.suffix}" for number in count(2))
    return next(name for name in chain([path.name], numbered) if name not in used)


def _write_page(path: Path, name: str, result: Json) -> None:
    from loganalysis import html_page

    now = datetime.now(timezone.utc).isoformat(" ", "seconds").removesuffix("+00:00")
    path.write_text(html_page(name, result, f"analyzed {now} UTC by jobservice {VERSION}"))
