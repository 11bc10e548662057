"""The schema of a new database, in SQL: what the migrations of the release 0.2.0 make together.

A database of that release has it already, under the names in REPLACES. New databases get these
names, too, so programs of that release know what they have.
"""

from pathlib import Path
from typing import Any

import peewee as pw

OLDEST = "0025_counter"
REPLACES = (
    "0001_jobs",
    "0002_client_retries",
    "0003_job_by_type",
    "0004_submission_key",
    "0005_tally",
    "0006_id_skew",
    "0007_events",
    "0008_output",
    "0009_callback",
    "0010_callers",
    "0011_history",
    "0012_attempt_pid",
    "0013_queues",
    "0014_vacuum",
    "0015_trace",
    "0016_parts",
    "0017_one_trigger",
    "0018_release",
    "0019_losses",
    "0020_traceback",
    "0021_version_base",
    "0022_heartbeat",
    "0023_unfinished",
    "0024_first_attempt",
    "0025_counter",
    "0026_contraction",
    "0027_final_events",
    "0028_contraction",
    "0029_upload_sha256",
    "0030_pattern_set",
    "0031_tags",
    "0032_keep_for",
    "0033_expiry_and_backoff",
    "0034_held",
    "0035_unique_key",
    "0036_batches",
    "0037_finish_by",
    "0038_schedules",
    "0039_dependencies",
    "0040_failed",
    "0041_concurrency_key",
    "0042_batch_then",
    "0043_inputs",
    "0044_service_callbacks",
    "0045_job_file",
    "0046_job_limits",
    "0047_output_marks",
    "0048_job_file_sha256",
    "0049_token_use",
    "0050_audit",
    "0051_job_submitted_by",
    "0052_lost_runner",
)
FOLDER = Path(__file__).with_name("schema")
KINDS = {
    "postgresql": {"id": "UUID", "rowid": "BIGINT", "bytes": "BYTEA", "keyed": ""},
    # Only INTEGER PRIMARY KEY is the key of the rows themselves (the rowid).
    "sqlite": {"id": "TEXT", "rowid": "INTEGER", "bytes": "BLOB", "keyed": "WITHOUT ROWID"},
}
"""What differs in the tables of the two databases."""


def up(migrator: Any, db: Any) -> None:
    """Create tables, indexes and triggers, and store the names of the replaced migrations."""
    name = "postgresql" if isinstance(db, pw.PostgresqlDatabase) else "sqlite"
    tables = (FOLDER / "tables.sql").read_text().format_map(KINDS[name])
    for statement in f"{tables}\n{(FOLDER / f'{name}.sql').read_text()}".split("\n\n"):
        if not all(line.startswith("--") for line in statement.splitlines()):
            db.execute_sql(statement)
    for replaced in REPLACES:
        values = f"VALUES ('{replaced}', CURRENT_TIMESTAMP)"
        db.execute_sql(f"INSERT INTO schema_migration (name, applied) {values}")
