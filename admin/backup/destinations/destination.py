"""The interface of a place that holds backups.

    manifest-TIME.json         a backup: what it consists of
    database/ab/HASH.zst       a chunk of a database, compressed; HASH is of its data
    files/ab/HASH              a stored file as it is; HASH is of its bytes

Chunks and files have their SHA-256 as names, so equal ones are stored once, whatever backups they
belong to. The manifest is written last: a backup that was interrupted has none.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime

from admin.backup.destinations.compression import decompress
from admin.backup.destinations.pace import Pace
from storage.records.job import StoreError

DATABASE, FILES, MANIFEST = "database", "files", "manifest-"
READ_BYTES = 1024**2


class BackupRefused(StoreError):
    """A backup cannot be made, restored or read. The message says what to do."""


class PlaceInUse(BackupRefused):
    """Another program is changing the place."""


class Damaged(StoreError):
    """A chunk or a file of a backup does not have the bytes that its name stands for."""


class BackupPlace(ABC):
    """A place that holds backups. Methods raise StoreError if it fails."""

    description: str
    """What the place is for people: its path or URL."""
    pace = Pace(share=1)
    """How it is written. By default, without rests."""
    is_remote = False
    """Whether each name costs a request."""

    @abstractmethod
    def lock(self) -> AbstractContextManager[None]:
        """Keep others from changing the place. Raises PlaceInUse while another program does."""

    @abstractmethod
    def contents(self) -> set[str]:
        """Return the names of all chunks and files."""

    @abstractmethod
    def write(self, name: str, data: Iterable[bytes]) -> None:
        """Store a chunk or a file. It may become durable, and visible, only by `publish`. Several
        threads may call it.

        An error that `data` raises leaves nothing.
        """

    @abstractmethod
    def publish(self) -> None:
        """Make all that was written durable and visible."""

    @abstractmethod
    def write_manifest(self, name: str, data: bytes) -> None:
        """Store a manifest durably, after a `publish`."""

    @abstractmethod
    def manifests(self) -> list[str]:
        """Return the names of the manifests, oldest first."""

    @abstractmethod
    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a chunk, a file or a manifest. Raises Damaged if it is missing."""

    @abstractmethod
    def delete(self, names: Iterable[str]) -> None:
        """Delete manifests, chunks or files that exist."""

    def walk(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield the name and the bytes of all chunks and files."""
        for name in sorted(self.contents()):
            yield name, self.read(name)

    def close(self) -> None:  # noqa: B027 - most places hold nothing
        """Release what the place holds."""


def chunk_name(sha256: str) -> str:
    """Return the name of a chunk of a database."""
    return f"{DATABASE}/{sha256[:2]}/{sha256}.zst"


def file_name(sha256: str) -> str:
    """Return the name of a stored file."""
    return f"{FILES}/{sha256[:2]}/{sha256}"


def manifest_name(ms: int) -> str:
    """Return the name of the manifest of a backup that began at this time."""
    at = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{MANIFEST}{at:%Y%m%dT%H%M%S}.{ms % 1000:03}Z.json"


def hash_in(name: str) -> str:
    """Return the SHA-256 in the name of a chunk or a file."""
    return name.rpartition("/")[2].removesuffix(".zst")


def read_chunk(place: BackupPlace, sha256: str) -> bytes:
    """Return the data of a chunk. Raises Damaged."""
    name = chunk_name(sha256)
    data = decompressed(name, b"".join(place.read(name)))
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Damaged(f"{name}: its data has another hash")
    return data


def decompressed(name: str, data: bytes) -> bytes:
    """Return the data of a compressed chunk. Raises Damaged."""
    try:
        return decompress(data)
    except ValueError as error:
        raise Damaged(f"{name}: {error}") from error
