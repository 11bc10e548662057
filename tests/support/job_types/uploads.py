"""Job types that read their file."""

import hashlib
from typing import Any

from runner.job_types.base import Context, JobType, Payload


class Nothing(Payload):
    """There is nothing to say."""


class Digest(JobType[Nothing]):
    """The SHA-256 of its file, read as it comes."""

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
    """The same of a file on the disk."""

    name = "digest_of_path"
    Payload = Nothing
    upload = "required"

    def run(self, payload: Nothing, context: Context) -> Any:
        assert context.upload is not None
        assert context.upload.path == context.upload.path
        return hashlib.sha256(context.upload.path.read_bytes()).hexdigest()
