"""Job types that read their file."""

import hashlib
from typing import Any

from runner.job_types.base import Context, JobType, Payload


class Nothing(Payload):
    """An empty payload."""


class Digest(JobType[Nothing]):
    """Returns the SHA-256 of its file, read through `open`."""

    name = "digest"
    Payload = Nothing
    upload = "required"

    def run(self, payload: Nothing, context: Context) -> Any:
        assert context.upload is not None
        found = hashlib.sha256()
        with context.upload.open() as file:
            while data := file.read(100_003):
                found.update(data)
        return found.hexdigest()


class DigestOfPath(JobType[Nothing]):
    """Returns the SHA-256 of its file, read from `path`."""

    name = "digest_of_path"
    Payload = Nothing
    upload = "required"

    def run(self, payload: Nothing, context: Context) -> Any:
        assert context.upload is not None
        assert context.upload.path == context.upload.path
        return hashlib.sha256(context.upload.path.read_bytes()).hexdigest()
