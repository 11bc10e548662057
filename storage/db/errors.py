"""Translates errors of an engine into states of the store."""

import peewee as pw

from storage.records.job import StoreError, StoreFull, StoreUnavailable, StoreUnusable

PEEWEE_ERRORS = pw.__exception_wrapper__  # type: ignore[attr-defined]
"""Context manager that turns errors of the drivers into those of Peewee."""


def store_error_from(error: pw.PeeweeException, name: str, lost: bool) -> StoreError | None:
    """Translate an error of Peewee into a StoreError, or return None for an error in a query.

    `name` is the name of the database. `lost` says that the server has ended the connection:
    psycopg reports a session that was ended for idling in a transaction as an internal error.
    """
    if lost or isinstance(error, pw.OperationalError | pw.InterfaceError):
        text = str(error).strip()
        is_full = "full" in text or "No space left" in text
        return (StoreFull if is_full else StoreUnavailable)(text)
    if type(error) is pw.DatabaseError:
        return StoreUnusable(f"{name}: {error}")
    return None


_ROLLED_BACK_CLASSES = ("22", "23", "40", "53", "55")
"""Classes of SQLSTATEs with which a server rolls back a transaction but keeps the connection."""
_COMPLETION_UNKNOWN = "40003"


def is_rolled_back(error: StoreError, postgresql: bool) -> bool:
    """Return whether a failed commit certainly had no effect.

    SQLite writes the commit record last. Without a WAL, it rolls back if readers block the commit.
    PostgreSQL gives the reason of a rollback as SQLSTATE, but a lost connection leaves the outcome
    unknown.
    """
    if postgresql:
        state = sqlstate_of(error) or ""
        return state[:2] in _ROLLED_BACK_CLASSES and state != _COMPLETION_UNKNOWN
    return isinstance(error, StoreFull) or "locked" in str(error)


def sqlstate_of(error: BaseException) -> str | None:
    """Return the SQLSTATE of the driver's error that caused an error of Peewee or of the store.

    Returns None if there is none.
    """
    cause: BaseException | None = error
    while cause and not hasattr(cause, "sqlstate"):
        cause = cause.__context__
    return getattr(cause, "sqlstate", None)
