"""The PostgreSQL database that tests use one after the other."""

from pathlib import Path

import psycopg

from tests.support.servers.postgres import PostgresServer
from tests.support.servers.shared_database import SharedDatabases


def test_a_changed_schema_costs_the_next_test_a_new_database(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    databases = SharedDatabases(postgres_server, tmp_path)
    with databases.lend() as unchanged:
        pass
    with databases.lend() as changed, psycopg.connect(changed) as connection:
        connection.execute("CREATE TABLE more (id integer)")
    with databases.lend() as new:
        assert unchanged == changed != new
    databases.close()
