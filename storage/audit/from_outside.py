"""Records what a command has changed outside of the store, such as a file of tokens."""

import os
import pwd
import socket
from contextlib import closing
from pathlib import Path

import peewee as pw

from storage.audit.log import AuditLog
from storage.db.clock import clock_of
from storage.db.database import Database, open_engine
from storage.records.audit import Action, Actor, Kind
from storage.records.job import StoreUnusable
from storage.records.json_values import JsonValue
from storage.settings.url import is_postgresql, sqlite_path


def record_from_outside(
    url: str, action: Action, kind: Kind, subject: str, **detail: JsonValue
) -> None:
    """Record a change in the audit log of the database with this URL.

    The entry has neither a caller nor an address; its detail names the user of this process and
    the machine. Nothing is created. Raises StoreError, also if there is no such database or if its
    schema has no audit log.
    """
    if not is_postgresql(url):
        _require_own(sqlite_path(url))
    with closing(Database(open_engine(url))) as database:
        log = AuditLog(database, clock_of(database))
        try:
            log.record(Actor(None, None), action, kind, subject, **detail, **_operator())
        except pw.PeeweeException as error:
            raise StoreUnusable(" ".join(str(error).split())) from error


def _require_own(file: Path) -> None:
    """Require a file of this user, who could otherwise leave files that its programs cannot open.

    Raises StoreUnusable.
    """
    try:
        owner = file.stat().st_uid
    except OSError as error:
        raise StoreUnusable(f"{file}: {error.strerror}") from None
    if owner != os.geteuid():
        raise StoreUnusable(f"{file} belongs to user {_name(owner)}: run the command as that user")


def _operator() -> dict[str, str]:
    """Return who runs this process, and where; below sudo, also who has called it."""
    found = {"user": _name(os.geteuid()), "host": socket.gethostname()}
    caller = os.environ.get("SUDO_USER")
    return {**found, "sudo_user": caller} if caller else found


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # as in a container with a user of the machine
        return str(user)
