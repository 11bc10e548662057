"""Records changes in the audit log, in the transaction that makes them.

The rows are sent with the next statement or with the commit, so they cost no round trip. A change
that is rolled back leaves no entry, and no change that is audited is made without one.
"""

import itertools
import json
import random
from collections.abc import Iterable
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models_audit import AuditRow
from storage.db.parameters import parameter
from storage.records.audit import Action, Actor, Kind
from storage.records.json_values import JsonValue

_VERSION, _VARIANT = 7 << 76, 2 << 62
_numbers = itertools.count(random.getrandbits(12))
"""Numbers the entries of this process; the last 12 bits are a part of their ids."""
_to_json_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def record(
    database: Database,
    actor: Actor | None,
    action: Action,
    kind: Kind,
    subject: object,
    at: int,
    **detail: JsonValue,
) -> None:
    """Record a change of one thing, inside the transaction that makes it.

    Nothing is recorded without an actor: then the audit log is off. `at` is in milliseconds since
    1970. `detail` has values that JSON has; other values are recorded as texts.
    """
    record_each(database, [actor], action, kind, [subject], at, **detail)


def record_each(
    database: Database,
    actors: Iterable[Actor | None],
    action: Action,
    kind: Kind,
    subjects: Iterable[object],
    at: int,
    **detail: JsonValue,
) -> None:
    """Record the same change of several things, each by its own actor, as `record` does."""
    text = _to_json_text(detail) if detail else None
    rows = [
        {
            "id": entry_id(at),
            "at": at,
            "caller": actor.caller,
            "address": actor.address,
            "action": action,
            "kind": kind,
            "subject": str(subject),
            "detail": text,
        }
        for actor, subject in zip(actors, subjects, strict=True)
        if actor is not None
    ]
    if rows:
        database.change_each_deferred(database.statement("audit", _insert), rows)


def entry_id(at: int) -> UUID:
    """Return a new id for an entry of this time: a UUID of version 7 (RFC 9562, section 6.2).

    Within a millisecond, the ids of one process follow each other, up to 4096 of them.
    """
    number, rest = next(_numbers) & 0xFFF, random.getrandbits(62)
    return UUID(int=at << 80 | _VERSION | number << 64 | _VARIANT | rest)


def _insert() -> pw.Insert:
    fields: list[pw.Field] = list(AuditRow._meta.sorted_fields)
    return AuditRow.insert(**{field.name: parameter(field) for field in fields})
