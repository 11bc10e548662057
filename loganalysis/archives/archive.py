"""An archive is a sequence of members. Each is a stream that is read once, in order.

    archive ──members()──▶ Member ──open()──▶ Source
                              └── problem: why it cannot be read, if so

Names of members are labels. They are never used as paths. Globs on names select members.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate

from loganalysis.read.errors import AnalysisError
from loganalysis.read.open_source import Source

MAX_NAME = 500
"""Characters of a name that are shown. Zip allows 64 KiB, tar any length."""


_DAY = 86_400.0
_FIRST_TIME = 315_619_200.0
"""1980-01-02: zip has no earlier time than a day before, and states that if it knows none."""


class UnreadableMember(AnalysisError):
    """A member cannot be analyzed, although the archive around it can be read further.

    code: `encrypted`, `unsupported`, `archive`, `not_text` or `damaged`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Member:
    """A regular file in an archive. `modified` is in epoch seconds, None if it is unknown.

    `expands` is true if it is compressed in the archive. `open` may be called once,
    before the next member is asked for. A member that is not opened is skipped.

    `at` is where it begins: its data in a tar archive, after decompression, and its local header in
    a zip archive. `size` is the number of its bytes in the archive.
    """

    name: str
    modified: float | None
    expands: bool
    open: Callable[[], Source]
    problem: UnreadableMember | None = None
    at: int = 0
    size: int = 0

    @property
    def shown_name(self) -> str:
        """The name, cut if it is very long."""
        return self.name if len(self.name) <= MAX_NAME else f"{self.name[: MAX_NAME - 1]}…"


class Archive(ABC):
    """An open archive. `format` is its name, such as `zip` or `tar.gz`."""

    format: str

    @property
    @abstractmethod
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read, for progress reports."""

    @abstractmethod
    def members(self) -> Iterator[Member]:
        """The regular files, in the order of the archive.

        Directories, links and devices are left out. Raises OSError, and SourceError where the
        archive is damaged, ends too early, or has too many members.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the file."""


def time_of(member: Member, archive_modified: float) -> float:
    """When a member was written, in epoch seconds; or else the archive, if that is impossible."""
    modified = member.modified
    if modified is not None and _FIRST_TIME < modified < archive_modified + _DAY:
        return modified
    return archive_modified


def text_of(name: bytes, encoding: str = "utf-8") -> str:
    """A name as text that JSON can hold."""
    return name.decode(encoding, "replace")


class Selection:
    """Selects the members whose name matches one of the globs; without globs, all members.

    A glob without `/` is matched with the last part of a name, so `*.log` selects `var/app.log`.
    Any other glob is matched with the whole name, and its `*` matches `/` as well.
    """

    def __init__(self, globs: Sequence[str] | None) -> None:
        self.globs = list(globs or ())
        self._last = _regex([glob for glob in self.globs if "/" not in glob])
        self._whole = _regex([glob for glob in self.globs if "/" in glob])

    def selects(self, name: str) -> bool:
        """Whether a member with this name is selected."""
        if not self.globs:
            return True
        last = name.rsplit("/", 1)[-1]
        whole = name.removeprefix("./")
        return bool(
            (self._last and self._last.match(last)) or (self._whole and self._whole.match(whole))
        )


def _regex(globs: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, globs))) if globs else None
