"""Risks of a place of backups: a restart, or a broken disk that has the store as well."""

from collections.abc import Iterator
from typing import NamedTuple

from admin.backup.destinations.opening import path_of
from storage.files.mounts import IN_MEMORY, MOUNTS, first_existing, mount_of
from storage.settings.folders import data_folders
from storage.settings.settings import Settings

_ANOTHER_DISK = "mount another disk there, or use s3://bucket/prefix"


class Risk(NamedTuple):
    """Why a place is a bad one, and a better one. `loses_all` if a restart is enough."""

    what: str
    why: str
    fix: str
    loses_all: bool


def risks_of(place: str, settings: Settings) -> Iterator[Risk]:
    """Yield the risks of a folder or a file, which need not exist; a bucket has none of these.
    Raises BackupRefused."""
    if (named := path_of(place)) is None:
        return
    path = first_existing(named)
    mount = mount_of(path, MOUNTS.read_text())
    if mount.kind in IN_MEMORY:
        what = f"{place} is in memory ({mount.kind} at {mount.point})"
        why = "the backups are gone when the machine or the container stops"
        yield Risk(what, why, _ANOTHER_DISK, True)
    for setting, folder in data_folders(settings).items():
        if folder.is_dir() and folder.stat().st_dev == path.stat().st_dev:
            what = f"{place} is on the same file system as {setting}={folder}"
            yield Risk(what, "a disk that is lost takes the backups with it", _ANOTHER_DISK, False)
            return
