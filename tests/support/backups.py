"""Helpers for tests of backups: making, restoring and damaging them."""

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from admin.backup.create import Backup, Deleted, create, keep_newest
from admin.backup.destinations.opening import open_existing, open_new
from admin.backup.restore import Restored, restore
from admin.backup.verify import Verified, verify
from storage.open import new_database, open_uploads
from storage.records.job import Upload
from storage.settings.settings import Settings
from tests.support.stores import Bench


def back_up(
    bench: Bench,
    to: Path | str,
    progress: Callable[[str, int, int], None] = lambda *_: None,
    environ: Mapping[str, str] | None = None,
) -> Backup:
    """Make a backup of a store, with connections of its own."""
    theirs = bench.store.settings
    given = {"DATA_DIR": str(theirs.data_dir), "DATABASE_URL": theirs.database_url}
    settings = Settings.read(given | dict(environ or {}))
    with (
        closing(open_new(str(to), settings)) as place,
        place.lock(),
        closing(new_database(settings)) as database,
    ):
        return create(database, bench.store.uploads, place, progress)


def store_upload(bench: Bench, data: bytes, name: str = "a.log") -> Upload:
    """Store an upload for a job that is still to be stored."""
    writer = bench.store.uploads.writer()
    writer.write(data)
    return writer.finish(name, hashlib.sha256(data).hexdigest())


def put_back(backups: Path | str, folder: Path, url: str = "", **environ: str) -> Restored:
    """Restore the newest backup into a folder, and a database other than the folder's."""
    given = {"DATA_DIR": str(folder / "data"), "DATABASE_URL": url}
    settings = Settings.read(given | environ)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    with (
        closing(open_existing(str(backups), settings, settings.data_dir)) as place,
        closing(new_database(settings)) as database,
    ):
        uploads = open_uploads(settings)
        return restore(place, None, database, settings.data_dir, uploads, lambda *_: None)


def read_all(backups: Path | str, **environ: str) -> Verified:
    """Verify the backups of a place."""
    with closing(open_existing(str(backups), Settings.read(environ))) as place:
        return verify(place, lambda _: None)


def keep(backups: Path, count: int) -> Deleted:
    """Delete all but the newest backups of a folder."""
    with closing(open_existing(str(backups), Settings.read({}))) as place, place.lock():
        return keep_newest(place, count)


def stored_in(folder: Path, kind: str) -> list[Path]:
    """The chunks (`database`) or the files (`files`) in a folder of backups."""
    return sorted(path for path in (folder / kind).rglob("*") if path.is_file())


def files_below(folder: Path) -> int:
    """How many files a folder has."""
    return sum(len(files) for _, _, files in os.walk(folder))
