"""The undocumented parts of Peewee that the store uses work after an upgrade."""

from importlib.metadata import version
from typing import Any

import peewee as pw
import psycopg
import pytest

from storage.db import peewee_internals
from storage.db.models import CounterRow
from storage.db.parameters import parameter

CHECK = "tested with Peewee 4.5, this is {}; check storage/db/peewee_internals.py: {}"


def explain(lacks: str) -> str:
    return CHECK.format(version("peewee"), lacks)


@pytest.mark.parametrize("driver", [psycopg, pw.sqlite3])  # type: ignore[attr-defined]
def test_errors_of_drivers_become_errors_of_peewee(driver: Any) -> None:
    with pytest.raises(pw.OperationalError), peewee_internals.DRIVER_ERRORS:
        raise driver.OperationalError("no")


def test_the_returned_columns_of_a_query_are_known() -> None:
    select = CounterRow.select(CounterRow.value)
    update = CounterRow.update(value=1)
    returning = update.returning(CounterRow.value)
    found = [peewee_internals.returned_fields(each) for each in (select, update, returning)]
    expected = [[CounterRow.value], [], [CounterRow.value]]
    assert found == expected, explain("the columns that a query returns")


def test_an_insert_and_an_update_can_read_from_a_table() -> None:
    engine: Any = pw.SqliteDatabase(None)
    rows = pw.SQL("given")
    value = parameter(CounterRow.value)
    found = []
    for query in (CounterRow.insert(value=value), CounterRow.update(value=value)):
        context = engine.get_sql_context(parameter_table="given")
        found.append(context.sql(peewee_internals.reading_from(query, rows)).query()[0])
    assert found == [
        'INSERT INTO "counter" ("value") SELECT given."value" FROM given',
        'UPDATE "counter" SET "value" = given."value" FROM given',
    ], explain("an INSERT that reads from a table")
