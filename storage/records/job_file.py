"""The files that a job has left: their names, sizes and hashes, and the keys of their bytes.

Imports no other module of this project.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple, Self
from uuid import UUID

MAX_NAME_BYTES = 255
"""Maximum length of a name in UTF-8, with all its folders."""
CONTROL_CHARACTERS = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
"""What no name of a file may have, as a part of a class of characters of a regex: control
characters, ends of lines, and what turns the direction of text: `exe.txt` could end in `txt.exe`.
"""
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_KEY = re.compile(rf"({_UUID})\.([0-9]{{1,9}})\.({_UUID})")


class ArtifactKey(NamedTuple):
    """Identifies the bytes of a stored file of a job.

    The key names the owner of the bytes before any row does. While the attempt of the key runs, the
    bytes are not deleted, however long it takes to store all files of the attempt.
    """

    job_id: UUID
    attempt: int
    file_id: UUID

    def __str__(self) -> str:
        return f"{self.job_id}.{self.attempt}.{self.file_id}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the key with this text; None if it is no key."""
        found = _KEY.fullmatch(text)
        return cls(UUID(found[1]), int(found[2]), UUID(found[3])) if found else None


UnusedFile = UUID | ArtifactKey
"""A file that no job has any more: an upload, by its id, or a file that a job has left."""


@dataclass(frozen=True)
class JobFile:
    """A file that a job has left.

    name: a relative path such as `report.pdf` or `pages/1.png`, unique among the files of a job.
    position: its place among them, from 0, in the order of their names.
    size: in bytes.
    sha256: the hex digest of its bytes.
    attempt: the attempt that has left it.
    """

    job_id: UUID
    name: str
    position: int
    size: int
    media_type: str
    sha256: str
    file_id: UUID
    attempt: int

    @property
    def key(self) -> ArtifactKey:
        """The key of its bytes."""
        return ArtifactKey(self.job_id, self.attempt, self.file_id)
