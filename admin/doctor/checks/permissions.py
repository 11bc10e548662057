"""Whether this user may use the files of the service, and whether others may not."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.setting_names import secret_files
from admin.doctor.findings.subject import Subject
from storage.files.private import database_files, require_access

NAME = "permissions"
_SHOWN = 3
_HASHED = re.compile(":sha256:[0-9a-fA-F]{64}$")


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what this user may not write, what others may read, and files of other owners."""
    paths = [path for path in _paths(subject) if path.exists()]
    lacks = list(_lacks(paths))
    yield from lacks
    folders = [each for each in subject.folders.values() if each.exists()]
    elsewhere = subject.folders.get("DATABASE_URL")  # it may have files of others
    others = [path for path in paths if path != elsewhere and _is_open_to_others(path, folders)]
    if others:
        shown = " ".join(map(str, others[:_SHOWN]))
        yield Finding(
            NAME,
            "warning",
            f"other users of this machine have access to {shown}",
            "payloads, results and uploads are readable for them",
            f"chmod go= {shown}, or start a program: it corrects the modes of what is its own",
        )
    yield from _of_secrets(subject)
    if not lacks and not others:
        yield ok(NAME, f"user {os.geteuid()} may use DATA_DIR={subject.settings.data_dir}")


def _paths(subject: Subject) -> list[Path]:
    data = subject.settings.data_dir.absolute()
    found = [*subject.folders.values(), data / "runners", data / "wakeup", data / "work"]
    found += [data / "cookie.key"]
    if subject.file:
        found += sorted(database_files(subject.file))
    uploads = subject.settings.uploads_folder
    return [*found, *([uploads.absolute()] if uploads else [])]


def _lacks(paths: list[Path]) -> Iterator[Finding]:
    for path in paths:
        try:
            require_access(path)
        except PermissionError as error:
            what, _, remedy = str(error).partition(": run ")
            yield Finding(
                NAME, "error", what, "the programs run as this user", remedy or "see docs/store.md"
            )


def _is_open_to_others(path: Path, folders: list[Path]) -> bool:
    """Return whether others have access to a path of this user. A private folder hides the rest."""
    status = path.stat()
    is_mine = status.st_uid in (os.geteuid(), 0)
    above = [each for each in folders if each != path and path.is_relative_to(each)]
    return is_mine and all(map(_has_mode_for_others, (path, *above)))


def _has_mode_for_others(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _of_secrets(subject: Subject) -> Iterator[Finding]:
    """Yield files with secrets that everybody on the machine may read."""
    for name in sorted(secret_files() | {"API_TOKENS_FILE", "AWS_SHARED_CREDENTIALS_FILE"}):
        path = Path(subject.environ.get(name) or "/")
        is_docker = path.is_relative_to("/run/secrets")  # in a container, nobody else is there
        is_open = path.is_file() and path.stat().st_mode & stat.S_IROTH
        if is_open and not is_docker and not _has_only_hashes(name, path):
            yield Finding(
                NAME,
                "warning",
                f"{name}={path} can be read by all users of this machine",
                "it holds a secret",
                f"chmod 400 {path}, and chown it to the user of the programs",
            )


def _has_only_hashes(name: str, path: Path) -> bool:
    """Return whether a file of tokens reveals none of them to its readers."""
    if name != "API_TOKENS_FILE":
        return False
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return False
    entries = [line.strip() for line in lines]
    return all(_HASHED.search(line) for line in entries if line and not line.startswith("#"))
