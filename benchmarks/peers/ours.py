"""This service as a contestant, on either database."""

from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from importlib.metadata import version

import peewee as pw

from benchmarks.jobs import percentile
from benchmarks.peers.apps import holding
from benchmarks.peers.contestant import Contestant, Measure
from benchmarks.peers.findings import OURS
from benchmarks.peers.peer import CANCELS, TRIPS, cancel_figures
from benchmarks.peers.servers import POSTGRESQL
from benchmarks.speed import ours
from benchmarks.speed.ours import Database, sqlite
from tests.support.programs import Service

SETTINGS = "a listener with 32 connections, a worker with 3 processes"
HOLD_TYPES = f"{ours.TYPES},benchmarks.peers.job_types"


def contestants() -> list[Contestant]:
    """On SQLite, the reference for all others, and on PostgreSQL."""
    sqlite_version = f"SQLite {pw.sqlite3.sqlite_version}"  # type: ignore[attr-defined]
    libraries = [f"{name} {version(name)}" for name in ("tornado", "peewee")]
    missing = POSTGRESQL.missing()
    return [
        Contestant(
            OURS,
            OURS,
            "Job Service, SQLite, by HTTP",
            [*libraries, sqlite_version],
            f"{SETTINGS}; WAL, synchronous=FULL",
            True,
            {**_measures(sqlite), "cancel": cancel},
        ),
        Contestant(
            "ours-postgresql",
            OURS,
            "Job Service, PostgreSQL, by HTTP",
            [*libraries, "no PostgreSQL" if missing else POSTGRESQL.version()],
            f"{SETTINGS}; fsync on",
            True,
            _measures(POSTGRESQL.running),
            missing,
        ),
    ]


def _measures(database: Database) -> dict[str, Measure]:
    """The measures on either database. A status includes the result."""
    status = partial(_status, database)
    return {
        "run": lambda jobs: (ours.submit_and_run(jobs, database)[0],),
        "filled": partial(_filled, database),
        "sequential": lambda jobs: (ours.submit_sequentially(jobs, database).rate,),
        "trip": lambda jobs: (1000 * percentile(ours.round_trips(TRIPS, database), 0.5),),
        "submit": partial(_submit, database),
        "status": status,
        "result": status,
    }


def _filled(database: Database, jobs: int) -> tuple[float]:
    """Jobs per second of the second half, as for peers: the worker's start does not count."""
    with ours.service(workers=0, database=database) as running:
        ours.submit(running, jobs)
        running.worker()
        ours.until_all_final(running)
        ended = ours.ends(running)
    before = jobs // 2
    return (1000 * (jobs - before) / (ended[-1] - ended[before - 1]),)


def _submit(database: Database, jobs: int) -> tuple[float, float, float]:
    sent = ours.submissions(jobs, database)
    p50, p99 = (1000 * percentile(sent.latencies, share) for share in (0.5, 0.99))
    return sent.rate, p50, p99


def _status(database: Database, jobs: int) -> tuple[float]:
    return (ours.statuses(jobs, database).rate,)


def cancel(jobs: int) -> tuple[float, float, float, float]:
    """Measure cancels by HTTP."""
    with ours.service(JOB_TYPES=HOLD_TYPES) as running, closing(_open(running)) as connection:
        found = holding.measure(
            lambda path: running.submit("hold", {"path": path}),
            lambda job_id: _cancel(connection, job_id),
            CANCELS,
            running.folder,
        )
    return cancel_figures(found.gone, found.followed)


def _open(running: Service) -> HTTPConnection:
    """A persistent connection, as peers' clients have."""
    connection = HTTPConnection(running.base_url.removeprefix("http://"))
    connection.connect()
    return connection


def _cancel(connection: HTTPConnection, job_id: str) -> None:
    connection.request("POST", f"/jobs/{job_id}/cancel")
    answer = connection.getresponse()
    assert answer.status in (200, 202), answer.read()
    answer.read()
