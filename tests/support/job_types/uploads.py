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


class DigestsOfAll(JobType[Nothing]):
    """Returns the names and SHA-256 of all its files, read in both ways."""

    name = "digests_of_all"
    Payload = Nothing
    upload = "required"

    def run(self, payload: Nothing, context: Context) -> Any:
        digests = []
        for each in context.uploads:
            with each.open() as file:
                content = file.readall()
            assert content == each.path.read_bytes()
            digests.append([each.name, hashlib.sha256(content or b"").hexdigest()])
        return digests
