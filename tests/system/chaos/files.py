"""The files that jobs of a run have left: which are stored at the end, and what the checker says.

A job that has succeeded has all the files of the attempt whose result it has, and no others. After
a sweep, the storage has nothing else.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from storage.db.models import JobFileRow
from storage.files.artifacts import FolderArtifacts
from storage.jobs.file_rows import unused_files
from storage.open import Store
from storage.records.job_file import JobFile
from tests.system.chaos.history import Change, Violation

PROMISE = "P20"


@dataclass(frozen=True)
class StoredFiles:
    """The rows of all files, and what is stored of each."""

    rows: Sequence[JobFile]
    contents: Mapping[str, bytes]
    """The stored bytes by the texts of their keys, after a sweep."""


def file_content(attempt: int, run: str, number: int) -> bytes:
    """The content of a file that an execution leaves; some are larger than one write."""
    line = f"{attempt} {run} {number}\n".encode()
    return line * (1 + number % 7 * 1000)


def stored_files(store: Store) -> StoredFiles:
    """Sweep the storage of a store that no program uses, and read all that is left."""
    artifacts = store.artifacts
    assert isinstance(artifacts, FolderArtifacts)
    assert store.uploads.folder
    artifacts.sweep(partial(unused_files, store.database))
    rows = [JobFile(**row) for row in store.database.rows(JobFileRow.select())]
    folder = store.uploads.folder / "artifacts"
    return StoredFiles(rows, {path.name: path.read_bytes() for path in folder.iterdir()})


def check_files(found: StoredFiles, changes: Sequence[Change]) -> Iterator[Violation]:
    """Check the files against the last change of each job."""
    last = {each.job_id: each for each in changes}
    of_jobs: dict[str, list[JobFile]] = {job_id: [] for job_id in last}
    for file in found.rows:
        of_jobs.setdefault(str(file.job_id), []).append(file)
    for job_id, files in of_jobs.items():
        problem = _problem(last.get(job_id), files, found.contents)
        if problem:
            yield Violation(PROMISE, job_id, problem)
    orphans = found.contents.keys() - {str(file.key) for file in found.rows}
    if orphans:
        yield Violation(PROMISE, "-", f"{len(orphans)} stored files belong to no job")


def _problem(
    job: Change | None, files: Sequence[JobFile], contents: Mapping[str, bytes]
) -> str | None:
    """Return what is wrong with the files of a job, or None."""
    result = json.loads(job.result or "null") if job else None
    expected = {}
    if job and job.status == "succeeded" and isinstance(result, dict) and "files" in result:
        attempt, run = result["attempt"], result["run"]
        expected = {f"{n}.txt": file_content(attempt, run, n) for n in range(result["files"])}
    names = {file.name for file in files}
    if names != expected.keys():
        return f"has {len(names)} files instead of {len(expected)}, and is {job}"
    for file in files:
        data = contents.get(str(file.key))
        if data != expected[file.name] or hashlib.sha256(data).hexdigest() != file.sha256:
            return f"its file {file.name} is not the one of its execution"
    return None
