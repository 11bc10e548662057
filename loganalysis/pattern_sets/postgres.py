"""The set `postgres`. The messages are from PostgreSQL 17 with lc_messages = C or en_US."""

from loganalysis.pattern_sets.pattern import BuiltInPattern as P
from loganalysis.pattern_sets.pattern import BuiltInSet

_AT = "2026-11-29 13:12:01.482 UTC [4711]"

POSTGRES = BuiltInSet(
    "postgres",
    "Server log of PostgreSQL with English messages, as text, CSV or in syslog",
    (
        P(
            "postgres ERROR",
            " ERROR:  ",
            f'{_AT} ERROR:  relation "orders" does not exist at character 15',
            "2026-11-29 13:12:01 ERROR: one space, so of another program",
        ),
        P(
            "postgres FATAL",
            " FATAL:  ",
            f'{_AT} FATAL:  database "shop" does not exist',
            "2026-11-29 13:12:01 FATAL: one space, so of another program",
        ),
        P(
            "postgres PANIC",
            " PANIC:  ",
            f"{_AT} PANIC:  could not locate a valid checkpoint record",
            "2026-11-29 13:12:01 PANIC: one space, so of another program",
        ),
        P(
            "postgres slow statement",
            r"duration: \d\d\d\d+",
            f"{_AT} LOG:  duration: 1532.114 ms  statement: SELECT count(*) FROM orders",
            f"{_AT} LOG:  duration: 532.114 ms  statement: SELECT count(*) FROM orders",
            regex=True,
        ),
        P(
            "postgres deadlock",
            "deadlock detected",
            f"{_AT} ERROR:  deadlock detected",
            f"{_AT} DETAIL:  no deadlock",
        ),
        P(
            "postgres lock wait",
            " still waiting for ",
            f"{_AT} LOG:  process 4711 still waiting for ShareLock on transaction 7890 after"
            " 1000.123 ms",
            f"{_AT} LOG:  process 4711 acquired ShareLock on transaction 7890 after 1204.5 ms",
        ),
        P(
            "postgres too many clients",
            "sorry, too many clients already",
            f"{_AT} FATAL:  sorry, too many clients already",
            f"{_AT} LOG:  many clients",
        ),
        P(
            "postgres reserved slots",
            "remaining connection slots are reserved for ",
            f"{_AT} FATAL:  remaining connection slots are reserved for roles with the SUPERUSER"
            " attribute",
            f"{_AT} LOG:  3 remaining connection slots",
        ),
        P(
            "postgres password failed",
            "password authentication failed for user ",
            f'{_AT} FATAL:  password authentication failed for user "shop"',
            f'{_AT} LOG:  connection authenticated: identity="shop" method=scram-sha-256',
        ),
        P(
            "postgres no pg_hba entry",
            "no pg_hba.conf entry for ",
            f'{_AT} FATAL:  no pg_hba.conf entry for host "203.0.113.9", user "shop", database'
            ' "shop", no encryption',
            f"{_AT} LOG:  connection authorized: user=shop (pg_hba.conf entry at line 12)",
        ),
        P(
            "postgres statement timeout",
            "canceling statement due to statement timeout",
            f"{_AT} ERROR:  canceling statement due to statement timeout",
            f"{_AT} ERROR:  canceling statement due to user request",
        ),
        P(
            "postgres statement canceled",
            "canceling statement due to user request",
            f"{_AT} ERROR:  canceling statement due to user request",
            f"{_AT} ERROR:  canceling statement due to statement timeout",
        ),
        P(
            "postgres duplicate key",
            "duplicate key value violates unique constraint ",
            f'{_AT} ERROR:  duplicate key value violates unique constraint "orders_pkey"',
            f'{_AT} ERROR:  insert or update on table "o" violates foreign key constraint "o_c"',
        ),
        P(
            "postgres foreign key",
            " violates foreign key constraint ",
            f'{_AT} ERROR:  insert or update on table "o" violates foreign key constraint "o_c"',
            f'{_AT} ERROR:  duplicate key value violates unique constraint "orders_pkey"',
        ),
        P(
            "postgres serialization failure",
            "could not serialize access due to ",
            f"{_AT} ERROR:  could not serialize access due to concurrent update",
            f"{_AT} ERROR:  could not serialize",
        ),
        P(
            "postgres out of memory",
            ":  out of memory",
            f"{_AT} ERROR:  out of memory",
            f"{_AT} LOG:  not out of memory",
        ),
        P(
            "postgres disk full",
            "No space left on device",
            f'{_AT} ERROR:  could not extend file "base/16384/16397": No space left on device',
            f"{_AT} LOG:  space left on device: 12 GB",
        ),
        P(
            "postgres temporary file",
            "temporary file: path ",
            f'{_AT} LOG:  temporary file: path "base/pgsql_tmp/pgsql_tmp4711.0", size 104857600',
            f"{_AT} LOG:  removing temporary files",
        ),
        P(
            "postgres frequent checkpoints",
            "checkpoints are occurring too frequently",
            f"{_AT} LOG:  checkpoints are occurring too frequently (9 seconds apart)",
            f"{_AT} LOG:  checkpoint complete: wrote 921 buffers (5.6%)",
        ),
        P(
            "postgres process died",
            " was terminated by signal ",
            f"{_AT} LOG:  server process (PID 4712) was terminated by signal 9: Killed",
            f"{_AT} LOG:  server process (PID 4712) exited with exit code 0",
        ),
        P(
            "postgres crash recovery",
            "database system was not properly shut down",
            f"{_AT} LOG:  database system was not properly shut down; automatic recovery in"
            " progress",
            f"{_AT} LOG:  database system was shut down at 2026-11-29 13:11:50 UTC",
        ),
        P(
            "postgres damaged page",
            "invalid page in block ",
            f"{_AT} ERROR:  invalid page in block 7 of relation base/16384/16397",
            f"{_AT} LOG:  valid page in block 7",
        ),
        P(
            "postgres wraparound",
            " must be vacuumed within ",
            f'{_AT} WARNING:  database "shop" must be vacuumed within 9876543 transactions',
            f'{_AT} LOG:  automatic vacuum of table "shop.public.orders": index scans: 1',
        ),
        P(
            "postgres client gone",
            "unexpected EOF on client connection",
            f"{_AT} LOG:  unexpected EOF on client connection with an open transaction",
            f"{_AT} LOG:  disconnection: session time: 0:00:01.204 user=shop database=shop",
        ),
    ),
)
