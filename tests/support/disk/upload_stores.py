"""Upload storage in a folder and in a bucket, with a view of its content from outside."""

import hashlib
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from storage.files.bucket import BucketUploads
from storage.files.bucket_access import open_bucket
from storage.files.folder import FolderUploads
from storage.files.uploads import GRACE_SECONDS, Uploads
from storage.records.job import Upload
from storage.settings.settings import Settings
from tests.support.servers.s3 import Bucket


class UploadBackend(ABC):
    """Upload storage under test."""

    uploads: Uploads

    @abstractmethod
    def content(self, upload_id: UUID) -> bytes:
        """The content of a complete file."""

    @abstractmethod
    def left(self) -> list[str]:
        """Names of all files and parts that use space, complete or not."""

    @abstractmethod
    def pass_grace(self, upload_ids: Iterable[UUID]) -> None:
        """Make these files appear older than GRACE_SECONDS."""

    def store(self, content: bytes = b"text", name: str = "a.log") -> Upload:
        """Store a complete file."""
        writer = self.uploads.writer()
        writer.write(content)
        return writer.finish(name, hashlib.sha256(content).hexdigest())


class FolderBackend(UploadBackend):
    """Uploads in a folder."""

    def __init__(self, folder: Path):
        self.uploads: FolderUploads = FolderUploads(folder)

    def content(self, upload_id: UUID) -> bytes:
        return (self.uploads.folder / "files" / str(upload_id)).read_bytes()

    def left(self) -> list[str]:
        return [path.name for path in self.uploads.folder.rglob("*") if path.is_file()]

    def pass_grace(self, upload_ids: Iterable[UUID]) -> None:
        then = time.time() - GRACE_SECONDS - 1
        for each in upload_ids:
            os.utime(self.uploads.folder / "files" / str(each), (then, then))


class BucketBackend(UploadBackend):
    """Uploads in a bucket, with a clock that tests set."""

    def __init__(self, bucket: Bucket):
        self.bucket, self.now = bucket, 0.0
        opened = open_bucket(Settings.read(bucket.settings), 10, 1)
        self.uploads = BucketUploads(opened, opened, clock=lambda: self.now)

    def content(self, upload_id: UUID) -> bytes:
        return self.bucket.read(upload_id)

    def left(self) -> list[str]:
        return self.bucket.keys() + self.bucket.open_parts()

    def pass_grace(self, upload_ids: Iterable[UUID]) -> None:
        self.uploads.sweep(lambda ids: ids & set(upload_ids))  # the first of two sweeps
        self.now += GRACE_SECONDS + 1
