"""Checks the names of the files that a job has left.

A client may write the files of a job to a disk of any system. So a name is a plain relative path,
and no two names of a job become one where case or Unicode forms do not count.
"""

import re
import unicodedata

from storage.records.job_file import CONTROL_CHARACTERS, MAX_NAME_BYTES

MAX_LEVELS = 16
"""How many parts a name may have: its folders and its file."""
_FORBIDDEN = re.compile(rf"[\\{CONTROL_CHARACTERS}]")
"""The backslash separates folders elsewhere."""
_SHOWN = 100


class InvalidFiles(Exception):
    """The files of a job cannot be stored; the message says which one and why."""


class Names:
    """The names of one job's files, checked one by one."""

    def __init__(self) -> None:
        self._spellings: dict[str, str] = {}
        """The paths of all files and folders so far, by the form that must be unique."""

    def check(self, name: str) -> None:
        """Check the path of a file, whose folders are separated by `/`. Raises InvalidFiles."""
        if problem := problem_of(name):
            raise InvalidFiles(f"{shown(name)}: {problem}")
        parts = name.split("/")
        for count in range(1, len(parts) + 1):
            path = "/".join(parts[:count])
            other = self._spellings.setdefault(_folded(path), path)
            if other != path:
                own = "path" if path == name else f"folder {shown(path)}"
                raise InvalidFiles(
                    f"{shown(name)}: its {own} differs from {shown(other)} only in case or in its "
                    "Unicode form; rename one of them"
                )


def problem_of(name: str) -> str | None:
    """Return why a name is not allowed; None if it is."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    parts = name.split("/")
    if size > MAX_NAME_BYTES:
        return f"its name has {size} bytes in UTF-8 with its folders, more than {MAX_NAME_BYTES}"
    if len(parts) > MAX_LEVELS:
        return f"it is in more than {MAX_LEVELS - 1} folders"
    if any(part in ("", ".", "..") for part in parts):
        return "its name is no path to a file: a part of it is empty, . or .."
    if bad := _FORBIDDEN.search(name):
        return f"its name has the character {bad[0]!a}, which is not allowed"
    return None


def shown(name: str) -> str:
    """Return a name as an error message shows it: of limited length, and on one line."""
    return repr(name) if len(name) <= _SHOWN else f"{name[:_SHOWN]!r}…"


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
