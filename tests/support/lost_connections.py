"""Cuts programs off from a PostgreSQL server, and prints as JSON how both ends react.

Runs as a program of its own, because it enters another network namespace; see
tests/storage/db/test_lost_connections.py.
"""

import json
import subprocess
import sys
from typing import Any

import psycopg

from storage.db.database import Database, open_engine
from storage.records.job import StoreError
from tests.support.servers import postgres
from tests.support.waiting import wait_for
from tests.system.chaos.networks import HERE, Network, Networks

NAMES = ("idle", "in transaction")
GIVE_UP_SECONDS = 60
"""Without our timeouts, the ends would notice after 15 minutes to two hours."""


def main() -> None:
    """Cut off three programs: one queries, one idles, and one idles within a transaction."""
    networks = Networks()
    with postgres.running_server(address=HERE) as server:
        url = server.network_url("postgres")
        ends = [networks.add() for _ in (*NAMES, "asks")]
        asks = start(ends[0], "asks", url)
        others = [start(end, name, url) for end, name in zip(ends[1:], NAMES, strict=True)]
        mend = [end.cut() for end in ends]
        cut_answer = ask(asks)
        wait_for(lambda: not set(NAMES) & sessions(server), GIVE_UP_SECONDS)
        mend[0]()
        # The first packets to a neighbour that was just found missing may still be refused.
        found = {
            "asked while the network is cut": cut_answer,
            "asked when it is whole again": wait_for(lambda: no_error(ask(asks)), 30),
            "sessions that the server has given up": sorted(set(NAMES) - sessions(server)),
        }
        for process in (asks, *others):
            process.kill()
            process.wait()
    sys.stdout.write(json.dumps(found))


def start(end: Network, name: str, url: str) -> "subprocess.Popen[str]":
    """Start a program in that network, with this application name."""
    command = [*end.starter, "setpriv", "--pdeathsig=KILL", "--", sys.executable, "-m"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([*command, "tests.support.lost_connections", name, url], **pipes)
    read_answer(process)
    return process


def ask(process: "subprocess.Popen[str]") -> Any:
    """Let a program query the database once, and return its answer."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return read_answer(process)


def no_error(answer: Any) -> Any:
    """Return an answer of the database, but None for the name of an error."""
    return None if isinstance(answer, str) else answer


def read_answer(process: "subprocess.Popen[str]") -> Any:
    """Read the next line of a program."""
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def sessions(server: postgres.PostgresServer) -> set[str]:
    """Application names of the sessions that the server still knows."""
    with psycopg.connect(server.url("postgres")) as connection:
        rows = connection.execute("SELECT application_name FROM pg_stat_activity")
        return {row[0] for row in rows}


def be_cut_off(name: str, url: str) -> None:
    """Run as one of the programs: whenever resumed, query the database and print the result."""
    database = Database(open_engine(url, name))
    database.execute("BEGIN" if name == "in transaction" else "SELECT 1")
    print_answer("connected")
    for _ in sys.stdin:
        try:
            with database.translate_errors():
                print_answer(database.engine.execute_sql("SELECT 1").fetchone())
        except StoreError as error:
            print_answer(type(error).__name__)


def print_answer(answer: Any) -> None:
    """Print a line for the process that started this program."""
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    be_cut_off(*sys.argv[1:]) if sys.argv[1:] else main()
