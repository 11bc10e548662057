"""Rows that are set aside for a transaction, on PostgreSQL: what others have set aside is passed
over. That is between those who ask in this way, and keeps nobody from changing a row.

In two statements, since one sees what was committed when it began: by the time it has set a row
aside, whoever had that before may have changed it. Imports nothing of ours.
"""

from typing import Any

import peewee as pw

_SETTING = "job_service.aside"
"""Has the keys, until the transaction ends or sets others aside."""


def try_lock_rows(query: Any, key: pw.Field) -> Any:
    """Set aside those rows of a query for keys, which are UUIDs, that can be."""
    is_free = pw.fn.pg_try_advisory_xact_lock(pw.fn.uuid_hash_extended(key, 0))
    some = query.where(is_free).alias("some")
    keys = pw.fn.string_agg(some.c[key.column_name].cast("text"), ",")
    return pw.Select([some], [pw.fn.set_config(_SETTING, pw.fn.COALESCE(keys, ""), True)])


def is_locked_row(key: pw.Field) -> Any:
    """That a row was set aside by the last such statement of this transaction."""
    keys = pw.SQL(f"string_to_array(current_setting('{_SETTING}'), ',')::uuid[]")
    return key == pw.fn.ANY(keys)
