"""One small table for the counters and the newest version, which each transaction changes.

On SQLite all of it is normally one page. Programs of the previous release use the tables `tally`
and `version`. Triggers keep the values equal in both directions. All of them only grow, so the
larger one of two values is right.
"""

from typing import Any

import peewee as pw

OLDEST = "0018_release"
TABLE = """
CREATE TABLE counter (
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    value BIGINT NOT NULL,
    base BIGINT,
    PRIMARY KEY (type, name)
) {options}"""
# Few rows per page on PostgreSQL, so that old versions of the rows have room until they are pruned,
# and no change touches the index.
OPTIONS = {
    True: "WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0,"
    " autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,"
    " autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000)",
    False: "WITHOUT ROWID",
}
COPIES = (
    "INSERT INTO counter (type, name, value) SELECT type, name, value FROM tally",
    "INSERT INTO counter (type, name, value, base) SELECT '', 'version', value, base FROM version",
    "INSERT INTO counter (type, name, value)"
    " SELECT '', 'version id_skew_ms', id_skew_ms FROM version",
)
UPSERT = """
INSERT INTO {table} (type, name, value) VALUES (NEW.type, NEW.name, NEW.value)
    ON CONFLICT (type, name) DO UPDATE SET value = EXCLUDED.value
    WHERE {table}.value < EXCLUDED.value;"""
TO_COUNTER = """
UPDATE counter SET value = NEW.value, base = NEW.base
    WHERE type = '' AND name = 'version' AND value < NEW.value;
UPDATE counter SET value = NEW.id_skew_ms
    WHERE type = '' AND name = 'version id_skew_ms' AND value < NEW.id_skew_ms;"""
TO_VERSION = """
UPDATE version SET value = NEW.value, base = NEW.base
    WHERE NEW.name = 'version' AND value < NEW.value;
UPDATE version SET id_skew_ms = NEW.value
    WHERE NEW.name = 'version id_skew_ms' AND id_skew_ms < NEW.value;"""
TRIGGERS = {
    "counter_from_version": ("UPDATE ON version FOR EACH ROW", TO_COUNTER),
    "version_from_counter": ("UPDATE ON counter FOR EACH ROW WHEN (NEW.type = '')", TO_VERSION),
    "counter_from_new_tally": ("INSERT ON tally FOR EACH ROW", UPSERT.format(table="counter")),
    "counter_from_tally": ("UPDATE ON tally FOR EACH ROW", UPSERT.format(table="counter")),
    "tally_from_new_counter": (
        "INSERT ON counter FOR EACH ROW WHEN (NEW.type <> '')",
        UPSERT.format(table="tally"),
    ),
    "tally_from_counter": (
        "UPDATE ON counter FOR EACH ROW WHEN (NEW.type <> '')",
        UPSERT.format(table="tally"),
    ),
}
SQLITE = ("CREATE TRIGGER {name} AFTER {occasion} BEGIN {action} END",)
POSTGRESQL = (
    """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    {action}
    RETURN NULL;
END $$""",
    "CREATE TRIGGER {name} AFTER {occasion} EXECUTE FUNCTION {name}()",
)
# The writers of both releases lock the row of `version` before any other.
LOCK = (
    """
CREATE FUNCTION version_before_counter() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM 1 FROM version FOR UPDATE;
    RETURN NULL;
END $$""",
    "CREATE TRIGGER version_before_counter BEFORE UPDATE ON counter FOR EACH STATEMENT"
    " EXECUTE FUNCTION version_before_counter()",
)


def up(migrator: Any, db: Any) -> None:
    """Create the table, copy the values, and keep them equal from then on."""
    postgresql = isinstance(db, pw.PostgresqlDatabase)
    if postgresql:  # in the order of writers
        for table in ("version", "tally"):
            db.execute_sql(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
    db.execute_sql(TABLE.format(options=OPTIONS[postgresql]))
    for statement in COPIES:
        db.execute_sql(statement)
    for name, (occasion, action) in TRIGGERS.items():
        for statement in POSTGRESQL if postgresql else SQLITE:
            db.execute_sql(statement.format(name=name, occasion=occasion, action=action))
    for statement in LOCK if postgresql else ():
        db.execute_sql(statement)
