"""The service behind PgBouncer in transaction mode, where transactions share sessions."""

import select
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from storage.notify.wakeup import LISTENER, WORKER
from storage.open import Store, open_store
from storage.records.job import NewJob, StoreUnavailable
from storage.settings.settings import Settings, SettingsError
from storage.store import JobStore
from tests.support.programs import running_service
from tests.support.servers.pgbouncer import PROGRAM, running_pooler
from tests.support.servers.postgres import PostgresServer
from tests.support.waiting import wait_for


@pytest.fixture
def urls(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """The URLs of one database: through the pooler, and direct."""
    if PROGRAM is None:
        pytest.skip("pgbouncer is not installed")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.new_database() as direct, running_pooler(direct) as pooled:
        yield pooled, direct


def opened(urls: tuple[str, str], folder: Path) -> Store:
    pooled, direct = urls
    environ = {"DATA_DIR": str(folder / "data"), "DATABASE_URL": pooled, "LISTEN_URL": direct}
    return open_store(Settings.read(environ), timeout=5)


@pytest.mark.heavy
def test_jobs_run_and_are_canceled_through_a_pooler(urls: tuple[str, str], tmp_path: Path) -> None:
    pooled, direct = urls
    with running_service(pooled, tmp_path, LISTEN_URL=direct) as service:
        workers = [service.worker() for _ in range(3)]
        ids = [service.submit(payload={"seconds": 0}) for _ in range(30)]
        for job_id in ids:
            job = service.result(job_id)
            assert (job["status"], job["attempt"]) == ("succeeded", 1)
        running = service.submit(payload={"seconds": 60})
        service.wait_for_status(running, "running")
        assert service.call("POST", f"/jobs/{running}/cancel")[0] == 200
        service.wait_for_status(running, "canceled")
        for program in (*workers, service.listener):
            assert [line for line in program.lines() if line["level"] == "ERROR"] == []
            assert program.stop() == 0


def test_wake_ups_use_the_direct_connection(urls: tuple[str, str], tmp_path: Path) -> None:
    store = opened(urls, tmp_path)
    waiters = [store.wakeup.waiter(topic) for topic in (WORKER, LISTENER)]
    JobStore(store.database, store.wakeup, store.clock).enqueue([NewJob("sleep", {})])
    wait_for(lambda: select.select([waiters[0]], [], [], 0)[0])
    assert not select.select([waiters[1]], [], [], 0)[0]
    for waiter in waiters:
        waiter.close()
    store.close()


def test_waiting_for_a_lock_is_limited_behind_a_pooler_too(
    urls: tuple[str, str], tmp_path: Path
) -> None:
    store = opened(urls, tmp_path)
    jobs = JobStore(store.database, store.wakeup, store.clock)
    for _ in range(10):  # as in a session that the pooler has opened
        store.database.execute("RESET lock_timeout")
    with psycopg.connect(urls[1]) as connection:
        connection.execute("LOCK TABLE job")
        ended = threading.Timer(20, connection.cancel)
        ended.start()
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            jobs.enqueue([NewJob("sleep", {})])
        ended.cancel()
    store.close()


@pytest.mark.parametrize(
    ("database_url", "listen_url"),
    [("sqlite:////tmp/jobs.db", "postgresql://h/d"), ("postgresql://h/d", "mysql://h/d")],
)
def test_the_listen_url_must_be_a_postgresql_url(database_url: str, listen_url: str) -> None:
    with pytest.raises(SettingsError, match="LISTEN_URL: it must start with postgresql://"):
        Settings.read({"DATABASE_URL": database_url, "LISTEN_URL": listen_url})
