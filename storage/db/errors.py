"""Translates errors of an engine into states of the store."""

import peewee as pw

from storage.records.job import StoreError, StoreFull, StoreUnavailable, StoreUnusable


class OptimisticConflict(Exception):
    """The server aborted an optimistic transaction because a row was not in the expected state."""


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


def sqlstate_of(error: BaseException) -> str | None:
    """Return the SQLSTATE of the driver's error that caused an error of Peewee or of the store.

    Returns None if there is none.
    """
    cause: BaseException | None = error
    while cause and not hasattr(cause, "sqlstate"):
        cause = cause.__context__
    return getattr(cause, "sqlstate", None)
