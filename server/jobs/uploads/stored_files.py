"""`StoredFiles`: finds the files of jobs by their hashes, and gives copies of them to new jobs.

A caller finds the files of those jobs that it sees.
"""

import re
from collections.abc import Awaitable, Callable
from functools import partial

from server.auth.callers import Caller
from server.documents.file_queries import display_name
from server.documents.options.upload_reference import EXAMPLE_SHA256, SHA256_PATTERN
from server.http.blocking import RunBlocking
from server.http.codes import Code
from server.http.problems import FieldError, Problem, too_large, unacceptable
from server.store.threads import StoreThreads
from storage.open import Store
from storage.queries.files_by_hash import FoundFile, files_by_hash
from storage.records.job import Upload
from storage.records.job_file import JobFile

TRIES = 3
"""How often equal files are looked for while those that were found are deleted."""
_HASH = re.compile(f"sha256:({SHA256_PATTERN})")


class StoredFiles:
    """The files of all jobs, as a listener finds them."""

    def __init__(
        self,
        store: Store,
        threads: StoreThreads,
        run: RunBlocking,
        max_bytes: int,
    ):
        """`run` runs a function in a thread. `max_bytes` is the largest size of an upload."""
        self._store, self._threads, self._run = store, threads, run
        self._max_bytes = max_bytes

    async def get(self, sha256: str, caller: Caller) -> FoundFile:
        """Return a file with this hash, and a job that has it. Raises Problem 404."""
        for found in await self._find(sha256, caller):
            return found
        raise Problem(Code.FILE_NOT_FOUND, "no job has a file with this SHA-256")

    async def look_at(self, sha256: str, caller: Caller) -> Upload | JobFile:
        """Return a file that a submission names. Raises Problem 413 and 422."""
        for _, file in await self._find(sha256, caller):
            self._require_size(file)
            return file
        raise _unknown()

    async def take(
        self, sha256: str, name: str, caller: Caller, reserve: Callable[[int], Awaitable[None]]
    ) -> Upload:
        """Return a copy of a file with this hash, for a new job, which shows it as `name`.

        If the files that were found are deleted meanwhile, others are looked for. `reserve`
        reserves the bytes of the copy, and may raise a Problem. Raises Problem 413 and 422.
        """
        is_reserved = False
        for _ in range(TRIES):
            for _, file in await self._find(sha256, caller):
                self._require_size(file)
                if not is_reserved:
                    await reserve(file.size)
                    is_reserved = True
                copy = partial(self._store.uploads.copy, file, display_name(name))
                upload: Upload | None = await self._run(copy)
                if upload is not None:
                    return upload
        raise _unknown()

    async def _find(self, sha256: str, caller: Caller) -> list[FoundFile]:
        database = self._store.database
        return [*await self._threads.run(files_by_hash, database, sha256, caller.view)]

    def _require_size(self, file: Upload | JobFile) -> None:
        """Raise Problem 413 if a file is too large. A job may leave a larger one."""
        if file.size > self._max_bytes:
            raise too_large("the file", self._max_bytes, Code.FILE_TOO_LARGE)


def parse_hash(text: str) -> str:
    """Parse the hash in a path. Raises Problem 404."""
    if found := _HASH.fullmatch(text):
        return found[1].lower()
    example = f"sha256:{EXAMPLE_SHA256}"
    raise Problem(Code.FILE_NOT_FOUND, f"name a file by its SHA-256, for example {example}")


def _unknown() -> Problem:
    detail = "no job has a file with this hash; it may have been deleted: send the file"
    return unacceptable([FieldError("upload.sha256", detail, "unknown")])
