"""The sources of job types, as texts that the programs pass on to each other.

    my_jobs                          a package or module that must work            package
    -sleep                           leaves out the built-in job type              —
    folder:/path                     each Python file of a folder ─┐               folder
    file:/path/resize.py             one of these files ◀──────────┘               folder
    trial:/path/resize.py            a file that may not work ────┘                folder
    installed:*                      all entry points `job_service.types` ─┐       installed
    installed:pkg.module 1.0         the module of one of them ◀───────────┘       installed
    commands:/path/commands.json     each command of a file                        commands

Arrows show what a scan turns into. The last column is the origin that clients see; the package
`runner.job_types` has the origin "built-in".
"""

import importlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType

from runner.job_types.registry.broken import OWN_PACKAGE

BUILT_IN = "runner.job_types"
FOLDER, FILE, INSTALLED, COMMANDS = "folder:", "file:", "installed:", "commands:"
TRIAL = "trial:"
GROUP = "job_service.types"
"""The group of the entry points by which installed packages offer job types."""
_folders: list[str] = []
"""The folders of job types from which modules were imported."""


@dataclass(frozen=True)
class Source:
    """A module that may define job types, from a folder or from an installed package."""

    text: str
    """How the programs pass it on."""
    origin: str
    file: str
    """What people look for: the path in the folder, or the name of an installed module."""
    path: str
    """The path of the file; empty if it is not known yet."""
    module: str = ""
    version: str = ""
    """The version of the installed package."""


def parse(text: str) -> Source | None:
    """Return the module that a text names alone; None for packages and for whole scans."""
    if text.startswith(FILE):
        return _in_folder(Path(text.removeprefix(FILE)))
    module, _, version = text.removeprefix(INSTALLED).partition(" ")
    if text.startswith(INSTALLED) and module != "*":
        return Source(text, "installed", module, "", module, version)
    return None


def expand(text: str) -> list[Source] | None:
    """Return the modules that a scan finds, in order; None if the text is no scan."""
    if text.startswith(FOLDER):
        return files_of(Path(text.removeprefix(FOLDER)))
    if text.startswith(TRIAL):
        return [_in_folder(Path(text.removeprefix(TRIAL)))]
    if text == f"{INSTALLED}*":
        return _entry_points()
    return None


def files_of(folder: Path) -> list[Source]:
    """Return the modules in a folder: Python files and packages, none that begins with _ or a dot.

    Empty if the folder cannot be read.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    paths = [folder / name for name in names if not name.startswith((".", "_"))]
    found = [path / "__init__.py" if path.is_dir() else path for path in paths]
    return [_in_folder(path) for path in found if path.suffix == ".py" and _is_file_or_lost(path)]


def _is_file_or_lost(path: Path) -> bool:
    """Whether a path is a file, or a link that leads nowhere: its import then says so."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def import_module(source: Source) -> ModuleType:
    """Import a module, which runs its code: any exception may be raised."""
    if source.module:
        return importlib.import_module(source.module)
    path = Path(source.path)
    if path.is_symlink():
        path.stat()  # raises FileNotFoundError, which says more than that there is no such module
    is_package = path.name == "__init__.py"
    folder, name = (path.parents[1], path.parent.name) if is_package else (path.parent, path.stem)
    return importlib.import_module(f"{_package_of(str(folder))}.{name}")


def extend_search_path() -> None:
    """Let modules of the folders of job types be imported as plain modules, if nothing else has
    their names. A keeper has the search path of the worker, so each job process does it again."""
    for folder in _folders:
        if folder not in sys.path:
            sys.path.append(folder)


def _in_folder(path: Path) -> Source:
    shown = f"{path.parent.name}/{path.name}" if path.name == "__init__.py" else path.name
    return Source(f"{FILE}{path}", "folder", shown, str(path))


def _entry_points() -> list[Source]:
    found: dict[str, Source] = {}
    for point in metadata.entry_points(group=GROUP):
        version = point.dist.version if point.dist else ""
        text = f"{INSTALLED}{point.module} {version}"
        found[point.module] = Source(text, "installed", point.module, "", point.module, version)
    return [found[module] for module in sorted(found)]


def _package_of(folder: str) -> str:
    """Return the name of the package whose modules are the files of a folder.

    The files can also import each other as plain modules: the folder ends the search path.
    """
    if folder not in _folders:
        _folders.append(folder)
    extend_search_path()
    name = os.path.basename(folder)
    if name.isidentifier() and _is_free(name, folder):
        _open_package(name, folder)
        return name
    _open_package(OWN_PACKAGE, folder)
    return OWN_PACKAGE


def _is_free(name: str, folder: str) -> bool:
    """Return whether a name stands for this folder, or for no package at all."""
    if name in sys.modules:
        return folder in getattr(sys.modules[name], "__path__", ())
    found = importlib.util.find_spec(name)
    return found is None or folder in (found.submodule_search_locations or ())


def _open_package(name: str, folder: str) -> None:
    """Make a package whose modules are in the folder, unless Python finds such a one itself."""
    if name not in sys.modules and (name == OWN_PACKAGE or importlib.util.find_spec(name) is None):
        package = ModuleType(name)
        package.__path__ = [folder]
        sys.modules[name] = package
