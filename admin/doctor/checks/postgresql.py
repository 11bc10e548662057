"""The PostgreSQL server: its settings, the rights of our role, and sessions that disturb."""

from collections.abc import Iterator

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.subject import Subject
from storage.db.statements import SqlRow
from storage.queries.health import open_transactions

NAME = "postgresql"
_OLDEST = 130000
"""The first version that the tests have run with, as the server tells it."""
_POOLER_PORT = ":6432"
_THREADS = 22
"""The most connections of a listener: docs/postgresql.md#connections."""
_WORKER_CONNECTIONS = 4
_FREEZE_AGE = 1_500_000_000

_QUERY = """
SELECT current_setting('server_version_num')::int, current_setting('server_version'),
    current_setting('server_encoding'), current_setting('fsync'),
    current_setting('full_page_writes'), current_setting('synchronous_commit'),
    current_setting('autovacuum'), current_setting('max_connections')::int,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    pg_is_in_recovery(), pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
    (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database())::bigint,
    extract(epoch FROM current_setting('autovacuum_naptime')::interval)::float8"""


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with the server; nothing if the database is a file."""
    if not subject.postgresql:
        return
    (row,) = subject.reader(3.0).rows(_QUERY)
    found = [*_of_server(row), *_of_durability(row), *_of_vacuum(row)]
    found += [*_of_connections(subject, row), *_of_transactions(subject)]
    yield from found
    if not any(each.level in ("warning", "error") for each in found):
        yield ok(NAME, f"PostgreSQL {row[1]} has the settings that the service needs")


def _of_server(row: SqlRow) -> Iterator[Finding]:
    if row[0] < _OLDEST:
        yield Finding(
            NAME,
            "warning",
            f"PostgreSQL {row[1]} is older than the oldest version that is supported upstream",
            "the service was never tested with it",
            "update the server: pg_upgrade",
        )
    if row[2] != "UTF8":
        yield Finding(
            NAME,
            "error",
            f"the encoding of the database is {row[2]}",
            "characters that clients send cannot be stored, so no program starts",
            "CREATE DATABASE jobs ENCODING 'UTF8' TEMPLATE template0",
        )
    if row[9]:
        yield Finding(
            NAME,
            "error",
            "the server is a standby, which cannot be written to",
            "no job can be stored or claimed",
            "point DATABASE_URL to the primary (libpq: target_session_attrs=read-write)",
        )


def _of_durability(row: SqlRow) -> Iterator[Finding]:
    for name, value, harm in (
        ("fsync", row[3], "a power cut can damage the whole database"),
        ("full_page_writes", row[4], "a power cut can damage pages of the database"),
        ("synchronous_commit", row[5], "a crash of the server loses acknowledged jobs"),
    ):
        if value == "off":
            yield Finding(
                NAME,
                "error" if name == "fsync" else "warning",
                f"{name} is off",
                harm,
                f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();",
            )


def _of_vacuum(row: SqlRow) -> Iterator[Finding]:
    if row[6] == "off":
        yield Finding(
            NAME,
            "error",
            "autovacuum is off",
            "claims skip all dead rows and become slower with each job, and the disk fills",
            "ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf();",
        )
    elif row[12] > 30:
        yield Finding(
            NAME,
            "note",
            f"autovacuum_naptime is {row[12]:g} s",
            "busy tables are cleaned late, so claims are slower under load",
            "ALTER SYSTEM SET autovacuum_naptime = '10s'; SELECT pg_reload_conf();",
        )
    if row[11] > _FREEZE_AGE:
        yield Finding(
            NAME,
            "error",
            f"the oldest transaction id is {row[11]:,} transactions old",
            "near two billion, the server refuses all changes",
            "VACUUM FREEZE; and end old transactions and unused replication slots",
        )


def _of_connections(subject: Subject, row: SqlRow) -> Iterator[Finding]:
    most, used = row[7], row[8]
    wanted = _THREADS + _WORKER_CONNECTIONS
    if most - used < wanted:
        yield Finding(
            NAME,
            "warning",
            f"{used} of {most} connections (max_connections) are in use",
            f"another listener with a worker may need {wanted}, and would get errors",
            "ALTER SYSTEM SET max_connections = 200 and restart the server, or use PgBouncer: "
            "docs/postgresql.md#poolers",
        )
    if _POOLER_PORT in subject.settings.database_url and not subject.settings.listen_url:
        yield Finding(
            NAME,
            "warning",
            "DATABASE_URL has the port of PgBouncer, and LISTEN_URL is not set",
            "in transaction mode, wake-ups are lost, so work waits up to a second, and migrations "
            "are not locked",
            "set LISTEN_URL to the address of the server itself: docs/postgresql.md#poolers",
        )
    if not row[10]:
        yield Finding(
            NAME,
            "note",
            "the role may not see sessions of others (pg_read_all_stats)",
            "long transactions of other programs slow claims down, and go unnoticed",
            "GRANT pg_read_all_stats TO the role of DATABASE_URL",
        )


def _of_transactions(subject: Subject) -> Iterator[Finding]:
    for each in open_transactions(subject.database):
        if each.too_old:
            state, seconds = "idle" if each.idle else "active", f"{each.seconds:.0f} s"
            yield Finding(
                NAME,
                "warning",
                f"session {each.pid} ({each.name}) has a transaction, {state} for {seconds}",
                "dead rows cannot be removed meanwhile, so claims become slow",
                f"SELECT pg_terminate_backend({each.pid});",
            )
