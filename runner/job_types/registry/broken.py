"""Job types that do not work, and why: a record with file, line, reason and remedy."""

import os
import traceback
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from runner.job_types.json_values import Json

_MAX_TEXT = 300
_OTHERS = ("<frozen ", os.path.dirname(__file__) + os.sep, os.path.dirname(os.__file__) + os.sep)
"""The beginnings of the files whose frames say nothing: of the import itself, and of Python."""
_REMEDIES: dict[type[BaseException], str] = {
    SyntaxError: "correct this line",
    SystemExit: "move this code into run, or below `if __name__ == '__main__':`",
    MemoryError: "move what needs memory into the method load, which only workers call",
    RecursionError: "end the recursion: code runs here when the file is imported",
}
_PACKAGES = "docs/job-types.md#packages-that-job-types-need"
OWN_PACKAGE = "job_types_folder"
"""The package of the files in a folder whose own name is taken by another package."""
_IMPORTABLE = "correct this line: it runs when the file is imported, before there is a job"


@dataclass(frozen=True)
class BrokenType:
    """A job type, or a whole module, that cannot be used."""

    origin: str
    file: str
    """The path in the folder of job types, or the name of an installed module."""
    line: int | None
    reason: str
    remedy: str
    name: str | None = None
    """The name of the job type, if it has one already."""
    mentions: frozenset[str] = frozenset()
    """The names of job types in the text of the file, if the whole file cannot be used."""

    @property
    def place(self) -> str:
        """The file with its line."""
        return self.file if self.line is None else f"{self.file}:{self.line}"

    @property
    def text(self) -> str:
        """All in one line, for the errors of clients."""
        return f"{self.place}: {self.reason}; {self.remedy}"

    @property
    def log_fields(self) -> Json:
        """The fields of its lines in the log, besides a message."""
        return {"file": self.place, "reason": self.reason, "remedy": self.remedy}

    def stands_for(self, name: str) -> bool:
        """Return whether a job type with this name may be meant: by its name, by the text of the
        file, or by the name of the file."""
        if self.name is not None:
            return name == self.name
        stem = self.file.removesuffix("/__init__.py").removesuffix(".py").rpartition(".")[2]
        return name in self.mentions or _plain(stem) == _plain(name)


class DeclarationError(Exception):
    """A class is no valid job type.

    `line` is where the class begins, `name` its job type if it has a name.
    """

    def __init__(
        self, reason: str, remedy: str, line: int | None = None, name: str | None = None
    ) -> None:
        super().__init__(reason, remedy, line, name)
        self.reason, self.remedy, self.line, self.name = reason, remedy, line, name


def explain(error: BaseException, path: str) -> tuple[int | None, str, str]:
    """Return line, reason and remedy of an exception that an import has raised.

    `path` is the imported file. The line is the last one of this file, or else of its folder, that
    was running; then the reason names the file. An attribute `remedy` of the exception is taken.
    """
    if isinstance(error, DeclarationError):
        return error.line, one_line(error.reason), error.remedy
    file, line = _place(error, path)
    elsewhere = "" if file in (path, "") else f" (in {os.path.basename(file)})"
    reason = f"{_text(error)}{elsewhere}"
    return line, reason, str(getattr(error, "remedy", None) or _remedy(error, path))


def one_line(text: str) -> str:
    """Return a text as one line of printable characters, at most 300."""
    shown = " ".join(text.split())
    shown = "".join(each if each.isprintable() else "?" for each in shown)
    return shown if len(shown) <= _MAX_TEXT else f"{shown[: _MAX_TEXT - 1]}…"


def _plain(name: str) -> str:
    return name.replace("-", "_").lower()


def _text(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, SystemExit):
        return one_line(f"it exits when it is imported (exit code {error.code})")
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
    except BaseException:  # the class may be of the module itself
        message = "its message cannot be read"
    return one_line(f"{name}: {message}" if message else name)


def _remedy(error: BaseException, path: str) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _missing(error.name, path)
    if isinstance(error, ImportError) and "circular import" in str(error):
        return "move what both files need into a third one"
    for kind, remedy in _REMEDIES.items():
        if isinstance(error, kind):
            return remedy
    return _IMPORTABLE


def _missing(module: str, path: str) -> str:
    """Return the remedy for a module that a file in a folder, or an installed module, imports."""
    package, _, name = module.rpartition(".")
    if package in (os.path.basename(os.path.dirname(path)), OWN_PACKAGE):
        return f"correct the name, or write {name}.py in the folder of job types"
    described = f", as {_PACKAGES} describes" if path else ""
    return f"install the package that has {module}{described}, or correct the name"


def _place(error: BaseException, path: str) -> tuple[str, int | None]:
    """Return the file and the line where the code of a folder has failed."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return error.filename, error.lineno
    lines = [each for each in _lines(error.__traceback__) if not each[0].startswith(_OTHERS)]
    own = [each for each in lines if each[0] == path]
    folder = os.path.dirname(path) + os.sep if path else ""
    near = own or [each for each in lines if each[0].startswith(folder)]
    return near[-1] if near else ("", None)


def _lines(trace: TracebackType | None) -> Any:
    for frame, line in traceback.walk_tb(trace):
        yield frame.f_code.co_filename, line
