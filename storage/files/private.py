"""Keeps stored files private: other users of the machine get no access.

New folders get mode 0700 and new files 0600, because the programs set the umask. The modes of
existing ones, from earlier releases or copies, are corrected at each start. Imports nothing of
ours.
"""

import glob
import logging
import os
import stat
from pathlib import Path

log = logging.getLogger(__name__)

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_FOLDERS = {"uploads", "runners", "wakeup", "work", "lost+found"}
_DATABASE_SUFFIXES = ("", "-wal", "-shm", "-journal", "-writer", "-reserve")
"""Of the files that SQLite and the programs may create later."""
_SHOWN = 5
_REMEDY = (
    "as the owner or root, `chown` them to the user of the programs and `chmod go=`; give DATA_DIR "
    "a folder of its own"
)


def create_privately() -> None:
    """Deny other users access to all files that this program and its children will create."""
    os.umask(_OTHERS)


def require_access(path: Path | None) -> None:
    """Raise PermissionError with a remedy if this program may not write to a path that exists."""
    if path is None or not path.exists() or os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        return
    user, group, owner = os.geteuid(), os.getegid(), path.stat().st_uid
    if user == owner:
        mode = "u+rwx" if path.is_dir() else "u+rw"
        raise PermissionError(
            f"user {user} may not write to {path}, which is its own: run `chmod {mode} {path}`"
        )
    raise PermissionError(
        f"user {user} may not write to {path}, which belongs to user {owner}: run `chown -R "
        f"{user}:{group} {path}`; for a bind mount, on the host with the path of the mounted folder"
    )


def tighten(data_dir: Path, database: Path | None, uploads: Path | None) -> None:
    """Deny other users access to DATA_DIR, and to database and uploads, which may be elsewhere.

    If DATA_DIR also has folders of others, it is perhaps a home folder: they and DATA_DIR itself
    keep their modes. Logs the paths to which other users still have access.
    """
    entries = list(data_dir.iterdir())
    folders = [data_dir / name for name in _FOLDERS]
    files = [path for path in entries if path not in folders and not _is_folder(path)]
    if database is not None:
        files += database_files(database.resolve())
    if uploads is not None:
        folders.append(uploads.resolve())
    is_shared = any(_is_folder(path) and path not in folders for path in entries)
    failed = [path for path in files if not _deny_others(path)]
    failed += [path for folder in folders for path in _deny_others_in(folder)]
    if not (_is_private(data_dir) if is_shared else _deny_others(data_dir.resolve())):
        failed.append(data_dir)
    if failed:
        shown = [str(path) for path in failed[:_SHOWN]]
        log.warning(
            "other users have access to files of this service",
            extra={"paths": shown, "count": len(failed), "remedy": _REMEDY},
        )


def database_files(database: Path) -> set[Path]:
    """Return the database file and the files that belong to it, even if they do not exist."""
    expected = {Path(f"{database}{suffix}") for suffix in _DATABASE_SUFFIXES}
    return expected | {*database.parent.glob(f"{glob.escape(database.name)}-*")}


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_private(path: Path) -> bool:
    return not path.stat().st_mode & _OTHERS


def _deny_others_in(folder: Path) -> list[Path]:
    """Make a folder and all its contents private; return the paths for which that failed.

    Other users cannot reach the contents of a private folder, so these are not read again.
    """
    if not _is_folder(folder) or _is_private(folder):
        return []
    failed = []
    for parent, folders, files, descriptor in os.fwalk(folder, topdown=False):
        names = [*folders, *files]
        failed += [Path(parent, name) for name in names if not _deny_others(name, descriptor)]
    return failed if _deny_others(folder) else [*failed, folder]  # last: a killed start is repeated


def _deny_others(path: Path | str, parent: int | None = None) -> bool:
    """Make a file or folder private. Returns False if other users still have access.

    Does not follow a link, which another user may have put there.
    """
    try:
        file = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except OSError:
        return True  # it is gone, or cannot be reached
    try:
        mode = os.fstat(file).st_mode
        if stat.S_ISLNK(mode) or not mode & _OTHERS:
            return True
        os.chmod(f"/proc/self/fd/{file}", stat.S_IMODE(mode) & ~_OTHERS)
        return not os.fstat(file).st_mode & _OTHERS  # some file systems ignore modes
    except OSError:
        return False
    finally:
        os.close(file)
