"""The peers, with the settings that their documentation recommends for many short jobs.

Celery: user guide, "Optimizing". RQ: docs/benchmark.md; it forks in production. Huey: guide,
"Consuming tasks". Dramatiq: worker.py, dramatiq_queue_prefetch and dramatiq_worker_timeout. taskiq:
guide, "CLI"; taskiq-redis: its README, "Brokers".
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks.peers.contestant import Contestant, Measure
from benchmarks.peers.environments import python_of, versions
from benchmarks.peers.flower import Flower
from benchmarks.peers.peer import APPS, CANCELS, Peer, cancel_figures
from benchmarks.peers.processes import output_of
from benchmarks.peers.servers import POSTGRESQL, REDIS, Server

CELERY = (
    f"{{python}} -m celery -A {APPS}.celery_app worker -c 3 -O default "
    "--prefetch-multiplier=64 --without-gossip --without-mingle --without-heartbeat -l ERROR"
)
HUEY = f"{{python}} -m huey.bin.huey_consumer {APPS}.huey_app.huey -k process -w 3 -q"
RQ = "{python} -m rq.cli worker-pool -n 3 -q -u {url} default"
LONG_JOBS = ("-O", "fair", "--prefetch-multiplier=1")
"""Celery's options with which a slot takes one job from the queue at a time."""
DRAMATIQ = f"{{python}} -m dramatiq {APPS}.dramatiq_app -p 3 -t 1"
PROCRASTINATE = f"{{python}} -m procrastinate -a {APPS}.procrastinate_app.app"
TASKIQ = (
    f"{{python}} -m taskiq worker {APPS}.taskiq_app:broker -w 3 --max-prefetch 100 "
    "--log-level ERROR"
)


def celery(cache: Path) -> list[Contestant]:
    """Celery on Redis, through Flower and called directly."""
    python = _python("celery", cache, REDIS)
    flower = Flower("celery", python, CELERY.split(), REDIS)
    peer = Peer("celery", python, CELERY.split(), REDIS)
    shared = "3 prefork processes, -O default, prefetch 64, no gossip, mingle or heartbeat"
    by_http: dict[str, Measure] = {
        "run": flower.rate,
        "trip": flower.trip,
        "submit": flower.submit,
        "status": flower.status,
        "result": flower.result,
    }
    return [
        _contestant(
            flower,
            "Celery + Flower + Redis, by HTTP",
            ("celery", "flower", "redis"),
            f"{shared}; events on, as Flower needs them; 32 connections",
            key="flower",
            measures=by_http,
        ),
        _contestant(
            peer,
            "Celery + Redis, called directly",
            ("celery", "redis"),
            f"{shared}; cancels: -O fair, prefetch 1; results only where they are asked for",
            measures={**_by_client(peer), "cancel": lambda jobs: _cancel(peer)},
        ),
    ]


def rq(cache: Path) -> list[Contestant]:
    """RQ on Redis."""
    peer = Peer("rq", _python("rq", cache, REDIS), RQ.split(), REDIS, jobs_share=0.1)
    settings = "pool of 3 workers, each job in a fork; results only where they are asked for"
    return [_contestant(peer, "RQ + Redis, forks", ("rq", "redis"), settings)]


def huey(cache: Path) -> list[Contestant]:
    """Huey on SQLite, polling as fast as is sensible, and with its defaults."""
    make = partial(Peer, "huey", _python("huey", cache, None))
    fast = make([*HUEY.split(), "-d", "0.005", "-b", "1"], environ={"PEER_POLLING": "fast"})
    shared = "3 worker processes, WAL, fsync, 60 s for locks; "
    return [
        _contestant(
            fast,
            "Huey on SQLite, polling fast",
            ("huey",),
            f"{shared}looks each 5 ms (-d 0.005 -b 1), the client each 1 ms",
            synced=True,
        ),
        _contestant(
            make(HUEY.split()),
            "Huey on SQLite, polling by default",
            ("huey",),
            f"{shared}looks each 100 ms, more seldom if idle, the client each 50 ms",
            key="huey-default",
            synced=True,
        ),
    ]


def dramatiq(cache: Path) -> list[Contestant]:
    """Dramatiq on Redis."""
    peer = Peer(
        "dramatiq",
        _python("dramatiq", cache, REDIS),
        DRAMATIQ.split(),
        REDIS,
        environ={"dramatiq_queue_prefetch": "64"},
        trip_environ={"dramatiq_worker_timeout": "5"},
    )
    settings = (
        "3 processes of one thread, prefetch 64; idle: look each 5 ms; results only where they "
        "are asked for"
    )
    return [_contestant(peer, "Dramatiq + Redis", ("dramatiq", "redis"), settings)]


def procrastinate(cache: Path) -> list[Contestant]:
    """Procrastinate on PostgreSQL."""
    peer = Peer(
        "procrastinate",
        _python("procrastinate", cache, POSTGRESQL),
        [*PROCRASTINATE.split(), "worker", "-c", "1"],
        POSTGRESQL,
        worker_processes=3,
        prepare=[*PROCRASTINATE.split(), "schema", "--apply"],
        environ={"PEER_PROCESSES": "3"},
    )
    settings = "3 workers of one coroutine, LISTEN/NOTIFY; the client asks for the status each 1 ms"
    packages = ("procrastinate", "psycopg")
    return [_contestant(peer, "Procrastinate + PostgreSQL", packages, settings, synced=True)]


def taskiq(cache: Path) -> list[Contestant]:
    """taskiq on Redis."""
    peer = Peer(
        "taskiq",
        _python("taskiq", cache, REDIS),
        TASKIQ.split(),
        REDIS,
        trip_environ={"PEER_RESULTS": "yes"},
    )
    settings = (
        "3 processes of up to 100 coroutines (a job has no process), prefetch 100, list queue "
        "without acknowledgements; results only where they are asked for, which is each 1 ms"
    )
    packages = ("taskiq", "taskiq-redis", "redis", "uvloop")
    return [_contestant(peer, "taskiq + Redis, asyncio", packages, settings)]


PEERS: dict[str, Callable[[Path], list[Contestant]]] = {
    "celery": celery,
    "rq": rq,
    "huey": huey,
    "dramatiq": dramatiq,
    "procrastinate": procrastinate,
    "taskiq": taskiq,
}


def _contestant(
    peer: Peer,
    title: str,
    packages: tuple[str, ...],
    settings: str,
    key: str | None = None,
    synced: bool = False,
    measures: Mapping[str, Measure] | None = None,
) -> Contestant:
    """A row for a peer. It is skipped if the peer's server is missing."""
    missing = peer.server.missing() if peer.server else None
    found = versions(peer.name, *packages)
    if peer.server and not missing:
        found.append(peer.server.version())
    measures = measures or _by_client(peer)
    return Contestant(
        key or peer.name, peer.name, title, found, settings, synced, measures, missing
    )


def _python(name: str, cache: Path, server: Server | None) -> Path:
    """The peer's interpreter. Nothing is installed for a peer that is skipped."""
    return Path() if server and server.missing() else python_of(name, cache)


def _by_client(peer: Peer) -> dict[str, Measure]:
    """The measures of a peer's own client."""
    return {
        "run": peer.rate,
        "filled": peer.filled,
        "sequential": peer.sequential,
        "trip": peer.trip,
    }


def _cancel(peer: Peer) -> tuple[float, float, float, float]:
    """Measure cancels of Celery's jobs."""
    with peer.workspace() as workspace, peer.working(workspace, *LONG_JOBS):
        command = [str(peer.python), "-m", f"{APPS}.celery_cancels", str(CANCELS)]
        found = json.loads(output_of(command, workspace.environ, workspace.folder))
    return cancel_figures(found["gone"], found["followed"])
