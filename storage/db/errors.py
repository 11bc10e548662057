"""What the errors of an engine tell of the state of the store."""

import peewee as pw

from storage.records.job import StoreError, StoreFull, StoreUnavailable, StoreUnusable

PEEWEES_ERRORS = pw.__exception_wrapper__  # type: ignore[attr-defined]
"""Turns the errors of the drivers into those of Peewee."""


def state_told_by(error: pw.PeeweeException, name: str, lost: bool) -> StoreError | None:
    """The same as an error of ours, for the database of this name; None for a mistake in a query.

    `lost` says that the server has ended the connection. That of one that idled within a
    transaction is called an internal error.
    """
    if lost or isinstance(error, pw.OperationalError | pw.InterfaceError):
        text = str(error).strip()
        is_full = "full" in text or "No space left" in text
        return (StoreFull if is_full else StoreUnavailable)(text)
    if type(error) is pw.DatabaseError:
        return StoreUnusable(f"{name}: {error}")
    return None


_MADE_NOTHING = ("22", "23", "40", "53", "55")
"""Classes of states in which a server ends a transaction, and not the connection as well."""
_UNKNOWN = "40003"


def is_rolled_back(error: StoreError, postgresql: bool) -> bool:
    """Whether a failed commit was surely not made: SQLite writes the record of it last, and rolls
    back if others are reading, where there is no WAL. A server tells why it has rolled back; what
    became of a connection that was lost, it cannot tell."""
    if postgresql:
        state = server_state(error) or ""
        return state[:2] in _MADE_NOTHING and state != _UNKNOWN
    return isinstance(error, StoreFull) or "locked" in str(error)


def server_state(error: BaseException) -> str | None:
    """The state that a server has told with an error, of which Peewee has made its own."""
    made_of: BaseException | None = error
    while made_of and not hasattr(made_of, "sqlstate"):
        made_of = made_of.__context__
    return getattr(made_of, "sqlstate", None)
