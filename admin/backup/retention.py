"""Deletes old backups, and the chunks and files that no other backup has."""

from dataclasses import dataclass

from admin.backup.destinations.destination import BackupPlace, Damaged, chunk_name, file_name
from admin.backup.manifest import read_manifest


@dataclass(frozen=True)
class Deleted:
    """How many backups were deleted, and how many chunks and files."""

    backups: int
    contents: int


def keep_newest(place: BackupPlace, count: int) -> Deleted:
    """Keep the newest backups, at least one. The caller holds the lock of the place.

    Manifests go first: a kill in between leaves chunks that the next call deletes. If a manifest
    that stays cannot be read, no chunk is deleted. Raises StoreError.
    """
    names = place.manifests()
    old, kept = names[: -max(1, count)], names[-max(1, count) :]
    place.delete(old)
    used = set[str]()
    try:
        for name in kept:
            manifest = read_manifest(place, name)
            used |= set(map(chunk_name, manifest.chunks()))
            used |= {file_name(sha256) for sha256, _ in manifest.stored_files(place)}
    except Damaged:
        return Deleted(len(old), 0)
    unused = place.contents() - used if kept else set()
    place.delete(sorted(unused))
    return Deleted(len(old), len(unused))
