"""Opens the place of backups that a path or a URL names."""

from pathlib import Path
from urllib.parse import urlparse

from admin.backup.destinations.archive import SUFFIX, Archive, NewArchive
from admin.backup.destinations.destination import BackupPlace, BackupRefused
from admin.backup.destinations.folder import FolderPlace
from admin.backup.destinations.pace import Pace
from storage.settings.settings import Settings
from storage.settings.url import backup_place_problem

SHARE, BUCKET_SHARE = 0.2, 0.5
"""The part of the time in which a backup works, unless BACKUP_PACE is set: more would make
submissions wait for the disk (benchmarks.storage.backup). Sending to a bucket is mostly waiting."""
_OTHER_ARCHIVES = (".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tzst", ".zst", ".gz", ".zip")


def open_new(text: str, settings: Settings) -> BackupPlace:
    """Open the place to which a backup is written. Raises BackupRefused."""
    path = path_of(text)
    if path is None:
        if text.endswith(SUFFIX):
            raise BackupRefused(f"{text}: an archive is a file of this machine: give a prefix")
        return _open_bucket(text, settings, _pace(settings, BUCKET_SHARE))
    if path.name.endswith(SUFFIX):
        if not path.parent.is_dir():
            raise BackupRefused(f"there is no folder {path.parent}: create it first")
        return NewArchive(path, _pace(settings, SHARE))
    if path.name.endswith(_OTHER_ARCHIVES) and not path.is_dir():
        raise BackupRefused(
            f"{path.name} is the name of an archive, and only {SUFFIX} is written: give such a"
            " name, or that of a folder"
        )
    _refuse_folder(path, settings)
    return FolderPlace(path, _pace(settings, SHARE))


def open_existing(text: str, settings: Settings, unpack_to: Path | None = None) -> BackupPlace:
    """Open a place to read its backups. An archive is unpacked below `unpack_to` when it is
    needed. Raises BackupRefused."""
    path = path_of(text)
    if path is None:
        return _open_bucket(text, settings)
    if not path.exists():
        raise BackupRefused(f"there is no {path}")
    if path.is_file():
        return Archive(path, unpack_to)
    return FolderPlace(path)


def _pace(settings: Settings, share: float) -> Pace:
    return Pace(share if settings.backup_pace is None else settings.backup_pace)


def path_of(text: str) -> Path | None:
    """Return the path of a place on this machine; None for a bucket. Raises BackupRefused."""
    if problem := backup_place_problem(text):
        raise BackupRefused(f"{text}: {problem}")
    if text.startswith("s3://"):
        return None
    return Path(text.removeprefix("file://")).absolute()


def _refuse_folder(folder: Path, settings: Settings) -> None:
    """Refuse a folder that is a part of the store, which programs read, sweep and make private."""
    above = next(each for each in (folder, *folder.parents) if each.exists())
    if not above.is_dir():
        raise BackupRefused(f"{above} is a file: give a folder, or a name that ends with {SUFFIX}")
    uploads = settings.uploads_folder and settings.uploads_folder.absolute()
    if folder == settings.data_dir.absolute() or uploads in (folder, *folder.parents):
        raise BackupRefused(
            f"{folder} belongs to the store: give a folder outside, best on another disk"
        )


def _open_bucket(url: str, settings: Settings, pace: Pace = BackupPlace.pace) -> BackupPlace:
    from admin.backup.destinations.bucket import BucketPlace  # not at the top: it imports obstore
    from storage.files.object_folder import ObjectFolder

    theirs = f"{settings.uploads_url.rstrip('/')}/"
    ours = f"{url.rstrip('/')}/"
    if theirs.startswith("s3://") and (ours.startswith(theirs) or theirs.startswith(ours)):
        raise BackupRefused(f"{url} holds the uploads of the store: give another prefix")
    assert urlparse(url).netloc
    return BucketPlace(
        ObjectFolder.open(settings.model_copy(update={"uploads_url": url})), url, pace
    )
