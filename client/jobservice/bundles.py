"""Bundles: zip archives of all that is stored about a job, and how a job is submitted again from
one. Does no network input or output."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from jobservice.json_values import Json, JsonValue

FORMAT = 1
"""The newest format that this release reads."""
MAX_DOCUMENT_BYTES = 64 * 2**20
"""Far more than the document of a job can have: what is larger is no bundle."""
UPLOAD = "upload/data"
"""The file that the job was given, in the archive."""
OPTIONS = (
    *("max_retries", "max_losses", "timeout", "priority", "tags", "metadata", "keep_for"),
    *("backoff", "concurrency_key", "max_per_key"),
    *("memory_bytes", "cpu_seconds", "max_output_bytes", "nice"),
)
"""The options that a job is submitted with again. Its times, its unique key, its queue, its
callback and the jobs that it waited for belong to the service that it comes from."""


class BadBundle(ValueError):
    """A file is no bundle, or no job can be submitted from it."""


@dataclass(frozen=True)
class Bundle:
    """The job of a bundle, and the file that the job was given.

    job: the document of the job.
    upload_name: the name of the file; None if the job was given none.
    has_upload: whether the bundle has the file.
    """

    path: Path
    job: Mapping[str, JsonValue]
    upload_name: str | None
    has_upload: bool

    @property
    def type(self) -> str:
        """The type of the job."""
        return str(self.job["type"])

    @property
    def payload(self) -> Json:
        """The payload, without references to other jobs of the service that it comes from."""
        payload = dict(self.job["payload"])
        if self.upload_name is not None and isinstance(payload.get("source"), Mapping):
            del payload["source"]  # an earlier job with the file, which is in the bundle
        if self.type == "analyze":
            payload.pop("compare", None)
        return payload

    @property
    def options(self) -> Json:
        """The options with which the job is submitted again."""
        given = {name: self.job.get(name) for name in OPTIONS}
        return {name: value for name, value in given.items() if value not in (None, [])}

    def extract_upload(self, folder: str | os.PathLike[str]) -> tuple[str, Path] | None:
        """Write the file of the job into a folder. Returns its name and its path, None without one.

        Raises BadBundle if the bundle lacks it, and OSError.
        """
        if self.upload_name is None:
            return None
        if not self.has_upload:
            raise BadBundle(
                f"the job had a file, {self.upload_name}, which {self.path} has not: make the"
                " bundle with its files (jobservice bundle --files)"
            )
        target = Path(folder) / "data"
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(UPLOAD) as stored:
                _write(stored, target)
        except zipfile.BadZipFile as error:
            raise BadBundle(f"{self.path} is damaged: {error}") from None
        return self.upload_name, target


def read_bundle(path: str | os.PathLike[str]) -> Bundle:
    """Read the job of a bundle. Raises BadBundle if the file is no bundle, and OSError."""
    place = Path(path)
    wrong = BadBundle(f"{place} is not the bundle of a job: jobservice bundle makes one")
    try:
        with zipfile.ZipFile(place) as archive:
            has_upload = UPLOAD in archive.namelist()
            about, job = (_document(archive, name) for name in ("bundle.json", "job.json"))
        format, upload = int(about["format"]), job.get("upload")
        name = None if upload is None else str(upload["name"])
        is_right = isinstance(job["payload"], dict) and isinstance(job["type"], str)
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError):
        raise wrong from None
    if not is_right:
        raise wrong
    if format > FORMAT:
        raise BadBundle(
            f"{place} has the format {format}, and this release reads up to {FORMAT}: update it"
        )
    return Bundle(place, job, name, has_upload)


def _document(archive: zipfile.ZipFile, name: str) -> JsonValue:
    """Read a JSON document of an archive. Raises KeyError and ValueError."""
    if archive.getinfo(name).file_size > MAX_DOCUMENT_BYTES:
        raise ValueError(f"{name} is too large")
    return json.loads(archive.read(name))


def _write(stored: IO[bytes], target: Path) -> None:
    with target.open("wb") as file:
        shutil.copyfileobj(stored, file, 1 << 20)
