"""Files that jobs have left, and where they go in a folder. Does no network input or output."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jobservice.downloads import has_bytes, safe_name
from jobservice.json_values import JsonValue


@dataclass(frozen=True)
class FileData:
    """A file that a job has left.

    name: a relative path, such as `report.pdf` or `pages/1.png`.
    size: in bytes.
    sha256: the digest in hexadecimal.
    """

    name: str
    size: int
    media_type: str
    sha256: str
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


@dataclass(frozen=True)
class KnownFile:
    """A file that the service has, as `client.uploads.find` finds it; a submission may name it.

    name: what the submission shows it as.
    job_id: one of the jobs that were given the file, or have left it.
    """

    sha256: str
    size: int
    job_id: str
    name: str = ""
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


def read_known_file(document: Mapping[str, JsonValue], name: str) -> KnownFile:
    """Read a file that was found by its hash."""
    return KnownFile(document["sha256"], document["size"], document["job_id"], name, document)


def read_files(document: Mapping[str, JsonValue]) -> list[FileData]:
    """Read the list of the files of a job."""
    return [
        FileData(each["name"], each["size"], each["media_type"], each["sha256"], each)
        for each in document["files"]
    ]


def place_of(file: FileData, folder: str | os.PathLike[str]) -> Path:
    """Return the path of a file in a folder, whatever its name is: it never leads out of it."""
    parts = [safe_name(part) for part in file.name.split("/")]
    return Path(folder, *parts)


def is_there(file: FileData, path: Path) -> bool:
    """Return whether a file was downloaded before: size and digest are equal."""
    return has_bytes(path, file.size, file.sha256)
