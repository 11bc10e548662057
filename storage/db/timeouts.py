"""How long is waited for a database: for locks of others, and, on PostgreSQL, for an end of a
connection that says no more, since its machine or its network is gone.

Both ends ask, when a connection has idled for 5 s, whether the other one is there, and give it up
after 10 s without an answer, as they do when what was sent is not acknowledged for 10 s. By
themselves they would wait for some 15 minutes, or 2 hours; and whoever died, or was cut off, within
a transaction would hold its locks for as long, and so hold up all who write.
"""

from collections.abc import Mapping
from typing import Any

BUSY_SECONDS = 2.0
"""How long a change waits for locks that others hold, before it is told to try again."""
IDLE_SECONDS = 5
"""How long a transaction may stand still between two statements, before it is rolled back."""
_ASK_SECONDS, _AGAIN_SECONDS, _TIMES, _UNHEARD_MS = 5, 2, 5, 10_000

CONNECTION: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": _ASK_SECONDS,
    "keepalives_interval": _AGAIN_SECONDS,
    "keepalives_count": _TIMES,
    "tcp_user_timeout": _UNHEARD_MS,
}
"""Options of a connection for this end of it. An address can name others, as in
`?tcp_user_timeout=30000`."""
SESSION = (
    f"SET lock_timeout = '{BUSY_SECONDS:.0f}s'; SET tcp_keepalives_idle = {_ASK_SECONDS}; "
    f"SET tcp_keepalives_interval = {_AGAIN_SECONDS}; SET tcp_keepalives_count = {_TIMES}; "
    f"SET tcp_user_timeout = {_UNHEARD_MS}"
)
"""What the server is told first, for its end; not as options, since a pooler takes none."""
ALONE = {"lock_timeout": f"{BUSY_SECONDS:.0f}s"}
"""Settings of a transaction of one who holds up nobody, however long it stands still. How long it
waits is said again: of a pooler, it may have the session of another one."""
OTHERS = {**ALONE, "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s"}
"""Settings of all others."""


def begin(settings: Mapping[str, str]) -> tuple[str, str]:
    """The two statements that begin a transaction with such settings, which end with it."""
    each = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    return "BEGIN", f"SELECT {each}"
