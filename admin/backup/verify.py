"""Reads all backups of a place, and compares all bytes with their hashes."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from admin.backup.destinations.destination import (
    DATABASE,
    BackupPlace,
    Damaged,
    chunk_name,
    decompressed,
    file_name,
    hash_in,
)
from admin.backup.manifest import Manifest, read_manifest


@dataclass
class Verified:
    """The chunks, files and backups of a place, and which of them are damaged or incomplete."""

    count: int = 0
    """Number of chunks and files."""
    bytes: int = 0
    """Their bytes, as they are stored."""
    damaged: list[str] = field(default_factory=list)
    """Names whose bytes have another hash, and manifests that cannot be read."""
    backups: dict[str, Manifest] = field(default_factory=dict)
    """The backups by the names of their manifests."""
    incomplete: dict[str, list[str]] = field(default_factory=dict)
    """By manifest: the names that are missing or damaged."""

    @property
    def is_sound(self) -> bool:
        """Whether there is a backup, and everything can be restored."""
        return bool(self.backups) and not self.damaged and not self.incomplete


def verify(place: BackupPlace, progress: Callable[[int], None]) -> Verified:
    """Read everything. `progress` is called with the bytes so far. Raises StoreError."""
    found, good = Verified(), set[str]()
    for name, data in place.walk():
        found.count += 1
        try:
            if _is_good(name, _counted(data, found, progress)):
                good.add(name)
            else:
                found.damaged.append(name)
        except Damaged:
            found.damaged.append(name)
    for name in place.manifests():
        try:
            manifest = read_manifest(place, name)
            missing = [each for each in names_of(manifest, place, good) if each not in good]
        except Damaged:
            found.damaged.append(name)
            continue
        found.backups[name] = manifest
        if missing:
            found.incomplete[name] = sorted(set(missing))
    return found


def names_of(manifest: Manifest, place: BackupPlace, good: set[str]) -> Iterator[str]:
    """Yield the names of the chunks and files of a backup; the names of files only if the chunks
    that list them are good."""
    yield from map(chunk_name, manifest.chunks())
    if all(chunk_name(each) in good for each in manifest.files["chunks"]):
        yield from (file_name(sha256) for sha256, _ in manifest.stored_files(place))


def _is_good(name: str, data: Iterator[bytes]) -> bool:
    digest = hashlib.sha256()
    if name.startswith(DATABASE):
        digest.update(decompressed(name, b"".join(data)))
    else:
        for some in data:
            digest.update(some)
    return digest.hexdigest() == hash_in(name)


def _counted(
    data: Iterator[bytes], found: Verified, progress: Callable[[int], None]
) -> Iterator[bytes]:
    for some in data:
        found.bytes += len(some)
        progress(found.bytes)
        yield some
