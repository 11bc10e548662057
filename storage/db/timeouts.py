"""Timeouts of the database: for locks, and, on PostgreSQL, for connections whose other end is gone.

Client and server both probe a connection after 5 s of silence, and close it after 10 s without an
answer or without an acknowledgement of sent data. Without these settings they would wait about 15
minutes, or 2 hours. During that time, a client that died or was cut off within a transaction would
keep its locks and block all writers.
"""

from collections.abc import Mapping

from storage.db.statements import Row

BUSY_SECONDS = 2.0
"""How long a change waits for the locks of others before it fails as StoreUnavailable."""
IDLE_SECONDS = 5
"""How long a transaction may pause between two statements before the server rolls it back."""
_PROBE_AFTER_SECONDS, _PROBE_EVERY_SECONDS, _PROBES, _UNACKNOWLEDGED_MS = 5, 2, 5, 10_000

CONNECTION_OPTIONS: Row = {
    "connect_timeout": 5,
    "keepalives_idle": _PROBE_AFTER_SECONDS,
    "keepalives_interval": _PROBE_EVERY_SECONDS,
    "keepalives_count": _PROBES,
    "tcp_user_timeout": _UNACKNOWLEDGED_MS,
}
"""Options for the client's end of a connection. A database URL can override them, for example with
`?tcp_user_timeout=30000`."""
SESSION_SETTINGS = (
    f"SET lock_timeout = '{BUSY_SECONDS:.0f}s'; SET tcp_keepalives_idle = {_PROBE_AFTER_SECONDS}; "
    f"SET tcp_keepalives_interval = {_PROBE_EVERY_SECONDS}; "
    f"SET tcp_keepalives_count = {_PROBES}; "
    f"SET tcp_user_timeout = {_UNACKNOWLEDGED_MS}"
)
"""Settings for the server's end, sent as the first statement: poolers accept no startup options."""
EXCLUSIVE_TRANSACTION = {"lock_timeout": f"{BUSY_SECONDS:.0f}s"}
"""Settings of a transaction on a database without other users, which may pause for any time. The
lock timeout is repeated here, since a pooler may hand out the session of another client."""
TRANSACTION = {**EXCLUSIVE_TRANSACTION, "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s"}
"""Settings of every other transaction."""


def begin(settings: Mapping[str, str]) -> tuple[str, str]:
    """Return the two statements that begin a transaction with settings that end with it."""
    each = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    return "BEGIN", f"SELECT {each}"
