"""Backups below a prefix of an S3 bucket."""

import json
import os
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from admin.backup.destinations.destination import (
    DATABASE,
    FILES,
    MANIFEST,
    BackupPlace,
    Damaged,
    PlaceInUse,
)
from admin.backup.destinations.pace import Pace
from storage.files.object_folder import ObjectFolder

LOCK = "lock.json"
STALE_SECONDS, RENEW_SECONDS = 900.0, 120.0
"""A lock that nobody has renewed for so long is left by a killed program."""


class BucketPlace(BackupPlace):
    """A prefix of a bucket, which must not be shared with other users."""

    is_remote = True

    def __init__(self, objects: ObjectFolder, url: str, pace: Pace = BackupPlace.pace):
        self.description = url
        self.pace = pace
        self._objects = objects
        self._renew_at = 0.0
        self._lock = b""

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the object `lock.json`, which is created only if there is none.

        It is renewed while objects are written, since a killed program cannot delete it.
        """
        holder = f"process {os.getpid()} on {socket.gethostname()}"
        self._lock = json.dumps({"holder": holder, "id": str(uuid4())}).encode()
        if not self._objects.create(LOCK, self._lock):
            age = self._objects.age(LOCK)
            if age is not None and age < STALE_SECONDS:
                raise PlaceInUse(
                    f"another program is changing the backups in {self.description}, or was killed "
                    f"less than {STALE_SECONDS / 60:.0f} minutes ago: try again later"
                )
            self._objects.delete([LOCK])
            if not self._objects.create(LOCK, self._lock):
                raise PlaceInUse(f"another program is changing {self.description}")
        self._renew_at = time.monotonic() + RENEW_SECONDS
        try:
            yield
        finally:
            self._objects.delete([LOCK])

    def contents(self) -> set[str]:
        """Return the names of all chunks and files."""
        return {*self._objects.names(DATABASE), *self._objects.names(FILES)}

    def write(self, name: str, data: Iterable[bytes]) -> None:
        """Write an object, which appears as a whole."""
        self._objects.write(name, self._renewing(data))

    def _renewing(self, data: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces of data, and renew the lock when it is time."""
        for some in data:
            if time.monotonic() > self._renew_at:
                self._renew_at = time.monotonic() + RENEW_SECONDS
                self._objects.write(LOCK, [self._lock])
            yield some

    def publish(self) -> None:
        """Do nothing: an object is durable once it is written."""

    def write_manifest(self, name: str, data: bytes) -> None:
        """Write a manifest."""
        self._objects.write(name, [data])

    def manifests(self) -> list[str]:
        """Return the names of the manifests, oldest first."""
        return sorted(each for each in self._objects.top() if each.startswith(MANIFEST))

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an object. Raises Damaged if it is missing."""
        try:
            yield from self._objects.read(name)
        except FileNotFoundError:
            raise Damaged(f"{name}: there is no such object") from None

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects that exist."""
        self._objects.delete(list(names))
