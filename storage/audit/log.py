"""`AuditLog`: reads the audit log, records what has no transaction of its own, and deletes old
entries. A command records what it has changed outside of the store, such as a file of tokens."""

import json
import os
import pwd
import socket
from contextlib import closing
from pathlib import Path
from uuid import UUID

import peewee as pw

from storage.audit.record import record
from storage.db.clock import Clock, clock_of
from storage.db.database import Database, open_engine
from storage.db.models_audit import AuditRow
from storage.db.parameters import parameter
from storage.db.statements import Values
from storage.records.audit import Action, Actor, AuditEntry, AuditFilters, Kind
from storage.records.ids import first_id_at
from storage.records.job import StoreUnusable
from storage.records.json_values import JsonValue
from storage.settings.url import is_postgresql, sqlite_path

USE: Action = "use token"
"""The action of the first use of a token from an address."""
BATCH = 1000
"""How many entries a transaction deletes, so that other writers wait for it for some milliseconds.
"""


class AuditLog:
    """The audit log; may be used by many threads.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable when the store fails.
    """

    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    def record(
        self, actor: Actor | None, action: Action, kind: Kind, subject: object, **detail: JsonValue
    ) -> None:
        """Record something that changes nothing else in the store, such as a sign-in.

        Without an actor, this does nothing.
        """
        if actor is not None:
            with self._database.transaction():
                record(self._database, actor, action, kind, subject, self._clock(), **detail)

    def record_use(self, name: str, address: str) -> None:
        """Record that a token is used from an address, unless that is recorded already."""
        known = AuditRow.select(AuditRow.id).where(
            AuditRow.subject == name,
            AuditRow.kind == "token",
            AuditRow.action == USE,
            AuditRow.address == address,
        )
        with self._database.transaction():
            if not self._database.rows(known.limit(1)):
                record(self._database, Actor(name, address), USE, "token", name, self._clock())

    def page(
        self, filters: AuditFilters, limit: int, before: UUID | None = None
    ) -> list[AuditEntry]:
        """Return up to `limit` entries that match, the newest first; only those before an id."""
        query = AuditRow.select().order_by(AuditRow.id.desc()).limit(limit)
        for name in ("caller", "action", "kind", "subject"):
            if (wanted := getattr(filters, name)) is not None:
                query = query.where(getattr(AuditRow, name) == wanted)
        if filters.since is not None:
            query = query.where(AuditRow.id >= first_id_at(filters.since))
        if filters.before is not None:
            query = query.where(AuditRow.id < first_id_at(filters.before))
        if before is not None:
            query = query.where(AuditRow.id < before)
        return [_entry(row) for row in self._database.rows(query)]

    def delete_before(self, at: int) -> bool:
        """Delete up to BATCH entries that are older than a time, the oldest first.

        Returns whether there may be more.
        """
        delete = self._database.statement("old audit entries", _delete_old)
        return self._database.change(delete, {"first": first_id_at(at)}) == BATCH


def _delete_old() -> pw.Delete:
    is_old = AuditRow.id < parameter(AuditRow.id, "first")
    old = AuditRow.select(AuditRow.id).where(is_old).order_by(AuditRow.id).limit(BATCH)
    return AuditRow.delete().where(AuditRow.id.in_(old))


def _entry(row: Values) -> AuditEntry:
    detail = json.loads(row["detail"]) if row["detail"] else {}
    return AuditEntry(**{**row, "detail": detail})


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
