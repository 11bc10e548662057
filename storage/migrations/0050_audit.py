"""The audit log. Its ids begin with the time of their entries, so they need no other index by time.

The second index finds what was done to one job, queue or schedule. A trigger refuses to change an
entry.
"""

from typing import Any

import peewee as pw

OLDEST = "0018_release"
TABLE = (
    """
CREATE TABLE audit (
    id {uuid} PRIMARY KEY,
    at BIGINT NOT NULL,
    caller TEXT,
    address TEXT,
    action TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT
) {options}""",
    "CREATE INDEX audit_subject ON audit (subject, id)",
)
SQLITE_TRIGGER = (
    """
CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'entries of the audit log cannot be changed'); END""",
)
POSTGRESQL_TRIGGER = (
    """
CREATE FUNCTION audit_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'entries of the audit log cannot be changed'; END $$""",
    """
CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit
FOR EACH ROW EXECUTE FUNCTION audit_is_final()""",
)


def up(migrator: Any, db: Any) -> None:
    """Create the table, its index and its trigger."""
    is_postgresql = isinstance(db, pw.PostgresqlDatabase)
    uuid, options = ("UUID", "") if is_postgresql else ("TEXT", "WITHOUT ROWID")
    for statement in TABLE:
        db.execute_sql(statement.format(uuid=uuid, options=options))
    for statement in POSTGRESQL_TRIGGER if is_postgresql else SQLITE_TRIGGER:
        db.execute_sql(statement)
