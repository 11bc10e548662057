"""Cuts programs off from a PostgreSQL server, and prints as JSON what both ends notice of it.

In a program of its own, since it moves to another network namespace; see `tests/storage/db/test_lost_connections.py`.
"""

import json
import subprocess
import sys
from typing import Any

import psycopg

from storage.db.database import Database
from storage.db.engines import open_engine
from storage.records.job import StoreError
from tests.support.servers import postgres
from tests.support.waiting import wait_for
from tests.system.chaos.networks import HERE, Network, Networks

NAMES = ("idle", "in transaction")
GIVE_UP_SECONDS = 60
"""By themselves, the ends would notice after a quarter of an hour, or two hours."""


def main() -> None:
    """Cut off three programs: one that asks, one that idles, and one within a transaction."""
    networks = Networks()
    with postgres.running_server(address=HERE) as server:
        url = server.network_url("postgres")
        ends = [networks.add() for _ in (*NAMES, "asks")]
        asks = start(ends[0], "asks", url)
        others = [start(end, name, url) for end, name in zip(ends[1:], NAMES, strict=True)]
        mend = [end.cut() for end in ends]
        tell(asks)
        cut_answer = hear(asks)
        wait_for(lambda: not set(NAMES) & sessions(server), GIVE_UP_SECONDS)
        mend[0]()
        tell(asks)
        found = {
            "asked while the network is cut": cut_answer,
            "asked when it is whole again": hear(asks),
            "sessions that the server has given up": sorted(set(NAMES) - sessions(server)),
        }
        for process in (asks, *others):
            process.kill()
            process.wait()
    sys.stdout.write(json.dumps(found))


def start(end: Network, name: str, url: str) -> "subprocess.Popen[str]":
    """A program on that network, connected under its name."""
    command = [*end.starter, "setpriv", "--pdeathsig=KILL", "--", sys.executable, "-m"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([*command, "tests.support.lost_connections", name, url], **pipes)
    hear(process)
    return process


def tell(process: "subprocess.Popen[str]") -> None:
    """Let a program go on."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def hear(process: "subprocess.Popen[str]") -> Any:
    """Its next line."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def sessions(server: postgres.PostgresServer) -> set[str]:
    """The names of those that the server takes for connected."""
    with psycopg.connect(server.url("postgres")) as connection:
        rows = connection.execute("SELECT application_name FROM pg_stat_activity")
        return {row[0] for row in rows}


def be_cut_off(name: str, url: str) -> None:
    """One of the programs: says each time what it has got, and waits to be told to go on."""
    database = Database(open_engine(url, name))
    database.execute("BEGIN" if name == "in transaction" else "SELECT 1")
    say("connected")
    for _ in sys.stdin:
        try:
            with database.translate_errors():
                say(database.engine.execute_sql("SELECT 1").fetchone())
        except StoreError as error:
            say(type(error).__name__)


def say(what: Any) -> None:
    """A line for who has started the program."""
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    be_cut_off(*sys.argv[1:]) if sys.argv[1:] else main()
