"""Transactions that stay open for long in PostgreSQL are logged and measured."""

import logging
import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from runner.supervisor import maintenance
from runner.supervisor.maintenance import TransactionWatch
from storage.open import connection_name
from storage.queries import health
from storage.queries.health import oldest_transaction_seconds, open_transactions
from tests.support.programs import running_service
from tests.support.stores import Bench
from tests.support.waiting import wait_for
from tests.support.workers import open_worker

FIGURE = re.compile(rb"^job_service_oldest_transaction_seconds (\S+)$", re.MULTILINE)
only_on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@contextmanager
def idle_transaction(url: str) -> Iterator[int]:
    """Open a transaction of another program; yield the process id of its session."""
    with psycopg.connect(url, application_name="forgotten") as connection:
        connection.execute("SELECT 1")  # psycopg begins a transaction with it
        yield connection.info.backend_pid


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Report idle transactions after a tenth of a second."""
    monkeypatch.setattr(health, "MAX_IDLE_SECONDS", 0.1)


def warnings(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [each for each in caplog.records if each.name == maintenance.__name__]


@only_on_postgresql
def test_an_idle_transaction_is_logged_once_and_again_at_ten_times_its_age(
    bench: Bench,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
    soon: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watch, database = TransactionWatch(bench.store.database), bench.store.database
    watch.check()
    with idle_transaction(database_url) as pid:
        wait_for(lambda: any(each.too_old for each in open_transactions(database)))
        for _ in range(3):
            watch.check()
        (record,) = warnings(caplog)
        assert (record.__dict__["pid"], record.__dict__["session"]) == (pid, "forgotten")
        assert record.__dict__["idle"]
        assert record.__dict__["seconds"] >= 0.1
        monkeypatch.setattr(maintenance, "REPEAT_FACTOR", 1.0)

        def warned_again() -> bool:
            watch.check()
            return len(warnings(caplog)) > 1

        wait_for(warned_again)
    wait_for(lambda: not open_transactions(database))
    watch.check()
    assert watch._next_warning == {}  # nothing is kept of what has ended


@only_on_postgresql
def test_an_active_transaction_is_logged_later(
    bench: Bench, database_url: str, caplog: pytest.LogCaptureFixture, soon: None
) -> None:
    works = threading.Thread(target=work, args=(database_url, 1.0))
    works.start()
    wait_for(lambda: (oldest_transaction_seconds(bench.store.database) or 0) > 0.2)
    TransactionWatch(bench.store.database).check()
    works.join()
    assert warnings(caplog) == []


def work(url: str, seconds: float) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_sleep(%s)", (seconds,))


@pytest.mark.heavy
@only_on_postgresql
def test_the_worker_checks_transactions_in_its_maintenance(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, soon: None
) -> None:
    with idle_transaction(database_url), open_worker(database_url, tmp_path) as worker:
        wait_for(lambda: any(each.too_old for each in open_transactions(worker.store.database)))
        worker.turn_until(lambda: warnings(caplog))


@pytest.mark.heavy
@only_on_postgresql
def test_connections_name_their_program_and_metrics_show_the_oldest_transaction(
    database_url: str, tmp_path: Path
) -> None:
    with running_service(database_url, tmp_path) as service, idle_transaction(database_url):
        worker = service.worker()
        with psycopg.connect(database_url, autocommit=True) as connection:
            names = {
                str(name)
                for (name,) in connection.execute("SELECT application_name FROM pg_stat_activity")
            }
        for role, program in (("listener", service.listener), ("worker", worker)):
            assert any(
                re.fullmatch(rf"job-service {role}( listens)? \S+-{program.process.pid}", name)
                for name in names
            ), names
        with urllib.request.urlopen(f"{service.base_url}/metrics", timeout=10) as answer:
            (age,) = FIGURE.findall(answer.read())
        assert float(age) > 0


def test_on_sqlite_the_metric_is_missing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    with running_service(url, tmp_path) as service:
        answer = urllib.request.urlopen(f"{service.base_url}/metrics", timeout=10)
        with answer:
            assert FIGURE.findall(answer.read()) == []


def test_an_application_name_is_not_longer_than_postgresql_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "x" * 64)
    assert len(connection_name("listener")) == 63
