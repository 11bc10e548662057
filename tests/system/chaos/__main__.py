"""Runs listeners and workers under random faults, then checks the promises of the service.

    python -m tests.system.chaos --seconds 60 --database sqlite|postgresql [--seed N]
        [--listeners 2] [--runners 2] [--networks] [--folder FOLDER | --url URL]

With --folder, the store is in a new folder there, on the disk that is to be tried. With --url, it
is in an empty database of a PostgreSQL server, which is not crashed.
With --networks, each program gets its own network namespace, and the faults include network cuts.
This needs PostgreSQL and root. docs/guarantees.md has the promises. If one was broken, the
exit code is 1, and the folder of the run is kept with its logs. The code is 2 if no verdict was
possible, for example because a listener did not answer on a machine that is too busy.
"""

import argparse
import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from runner.pool.linux import processes
from runner.pool.linux.processes import kill_descendants
from storage.jobs.events import Events
from storage.open import Store, open_store
from storage.records.job import StoreError
from storage.settings.settings import Settings
from tests.support.disk.small_disks import MIB, small_disk
from tests.support.servers import postgres
from tests.support.skipping import Skipped
from tests.system.chaos import audit, job_types, lost_database, networks, schedules
from tests.system.chaos.callbacks import Delivery, Receiver, check_callbacks
from tests.system.chaos.checker import check
from tests.system.chaos.clients import Clients
from tests.system.chaos.faults import FaultInjector
from tests.system.chaos.files import check_files, stored_files
from tests.system.chaos.follower import Follower
from tests.system.chaos.history import Change, Execution, History, Views, Violation
from tests.system.chaos.programs import FAKETIME, Fleet, MachineClock, Plan
from tests.system.chaos.report import print_promises, print_report, print_violations, say
from tests.system.chaos.views import ask

SETTLE_SECONDS = 120.0
STOP_SECONDS = 30.0
LEFT_SECONDS = 2.0
DISK_BYTES = 128 * MIB
FOLLOW_SECONDS = 20.0
"""How long the follower may take to get the last event after the last change."""
POLL_SECONDS = 0.1
TOO_SLOW = (OSError, HTTPException, StoreError, AssertionError, subprocess.TimeoutExpired)
"""What a program or a server that does not start, answer or stop in time raises."""
SETTINGS = {
    "JOB_TYPES": "runner.job_types,tests.system.chaos.job_types",
    "JOB_ENV": "DATA_DIR,LD_PRELOAD,FAKETIME_TIMESTAMP_FILE,FAKETIME_NO_CACHE,"
    "FAKETIME_DONT_FAKE_MONOTONIC",
    "JOB_WRITE_PATHS": "/",  # jobs keep records in DATA_DIR and read the fake clock
    "CONCURRENCY_LIMIT": "3",
    "LEASE_SECONDS": "3",
    "DRAIN_SECONDS": "1",
    "CALLBACK_SECRET": "a secret of chaos runs",
}
LEFT_TO_DO = (audit.open_jobs, audit.callbacks)
LOGGED_EVENTS = {
    "stale ends dropped": '"stale end of a job dropped"',
    "leases not renewed": '"the lease could not be renewed, killing all jobs"',
    "turns in which the store failed": '"the store failed, trying again"',
    "drains": '"draining"',
}
"""Log messages to count, by the name that the report gives them."""


def main() -> int:
    """Make a run in a new folder; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.chaos")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to inject faults")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--listeners", type=int, default=2, help="at least 1")
    parser.add_argument("--runners", type=int, default=2, help="at least 2")
    parser.add_argument(
        "--networks", action="store_true", help="give each program its own network, and cut it"
    )
    parser.add_argument("--folder", type=Path, help="where to make the folder of the run")
    parser.add_argument("--url", default="", help="an empty PostgreSQL database")
    arguments = parser.parse_args()
    require_possible(arguments)
    say(f"chaos for {arguments.seconds:g} s on {arguments.database}, seed {arguments.seed}")
    if not any(Path("/usr/lib").glob(FAKETIME)):
        say("libfaketime is not installed: clocks are not changed")
    processes.set_subreaper()
    joined = networks.Networks() if arguments.networks else None
    plan = Plan(arguments.listeners, arguments.runners, joined)
    folder = Path(tempfile.mkdtemp(prefix="chaos-", dir=arguments.folder))
    try:
        with database_server(arguments.database, joined is not None) as server:
            place = Place(folder, server, arguments.url, arguments.folder is None)
            found = run(place, arguments.seconds, arguments.seed, plan)
    except TOO_SLOW as error:
        say(f"no verdict: {error!r}. The machine may be too busy: try again with less load")
        say(f"logs are in {folder}")
        return 2
    print_violations(found)
    if found:
        say(f"logs are in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


@dataclass(frozen=True)
class Place:
    """Where the store of a run is. `may_mount`: a small disk may be mounted for the database."""

    folder: Path
    server: postgres.PostgresServer | None
    url: str
    may_mount: bool

    @property
    def postgresql(self) -> bool:
        """Whether the database is on a server, of ours or of others."""
        return bool(self.url or self.server)


def require_possible(arguments: argparse.Namespace) -> None:
    """Exit if the arguments cannot be satisfied on this machine."""
    if arguments.listeners < 1 or arguments.runners < 2:
        sys.exit("--listeners must be at least 1, and --runners at least 2")
    if arguments.networks and arguments.database == "sqlite":
        sys.exit("--networks needs --database postgresql: SQLite is not used over a network")
    if arguments.url and (arguments.database == "postgresql" or arguments.networks):
        sys.exit("--url stands for --database, and goes without --networks")
    if arguments.networks and (lack := networks.missing()):
        sys.exit(lack)


@contextmanager
def database_server(database: str, by_network: bool) -> Iterator[postgres.PostgresServer | None]:
    """Run a PostgreSQL server, unless the database is SQLite."""
    if database == "sqlite":
        yield None
    elif lack := postgres.missing():
        sys.exit(lack)
    else:
        with postgres.running_server(address=networks.HERE if by_network else "") as server:
            yield server


def run(place: Place, seconds: float, seed: int, plan: Plan) -> list[str]:
    """Start the programs, inject faults, stop, and check; returns the violations."""
    folder, server = place.folder, place.server
    with database_disk(place) as disk, receiving(plan, seed) as receiver:
        url = place.url or (server.url("postgres") if server else f"sqlite:///{disk / 'jobs.db'}")
        settings = {"DATA_DIR": str(folder / "data"), "DATABASE_URL": url}
        clock = MachineClock(folder)
        with closing(open_watched(settings)) as store:
            hosts, callback_url = {"CALLBACK_HOSTS": receiver.host}, f"http://{receiver.host}/"
            fleet = make_fleet(place, settings | hosts, clock, seed, plan)
            clients = Clients(fleet.addresses, plan.workers, folder / "data", seed, callback_url)
            follower = Follower(fleet.addresses, seed)
            small = disk if disk != folder else None
            injector = FaultInjector(fleet, clock, server, small, seed, place.postgresql)
            left, views = inject_faults(injector, seconds, clients, follower, fleet, store)
            history = gather(folder / "data", clients, store)
            history.followed, history.views = follower.events, views
            events = count_events(folder, fleet, clients)
            events["event streams"] = follower.streams
            broken = check_all(store, history, receiver.deliveries, events)
        broken += lost_database.check(folder, fleet.workers[0].environ)
    print_report(history, injector.counts, events)
    found = [str(violation) for violation in broken]
    found += [f"P13 left running: {command}" for command in left]
    found += [*clients.complaints, *follower.complaints, *fleet.complaints]
    print_promises(found, injector.counts + events, len(clients.acknowledged))
    return found


def check_all(
    store: Store, history: History, deliveries: list[Delivery], events: Counter[str]
) -> list[Violation]:
    """Return all violations; adds what was checked to `events`."""
    fired, files = schedules.fired(store.database), stored_files(store)
    events += Counter(f"times {each.outcome}" for each in fired)
    events += Counter({"files of jobs": len(files.rows), "callbacks": len(deliveries)})
    changes = [each for each in history.entries if isinstance(each, Change)]
    of_schedules = schedules.jobs_of_schedules(store.database)
    return [
        *check(history),
        *schedules.check_schedules(fired, of_schedules, changes),
        *check_files(files, changes),
        *check_callbacks(deliveries, history.acknowledged, changes),
    ]


@contextmanager
def receiving(plan: Plan, seed: int) -> Iterator[Receiver]:
    """Receive callbacks at an address that all listeners can reach."""
    receiver = Receiver(networks.HERE if plan.networks else "127.0.0.1", seed)
    try:
        yield receiver
    finally:
        receiver.stop()


@contextmanager
def database_disk(place: Place) -> Iterator[Path]:
    """The folder for an SQLite database: a small disk that can be filled, if one can be mounted."""
    folder = place.folder
    if place.postgresql or not place.may_mount:
        yield folder
        return
    with ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(folder / "disk", "ext4", DISK_BYTES))
        except Skipped as error:
            say(f"the disk is never full: {error}")
            disk = folder
        yield disk


def make_fleet(
    place: Place,
    settings: dict[str, str],
    clock: MachineClock,
    seed: int,
    plan: Plan,
) -> Fleet:
    """Return the programs, which are not started yet."""
    # With SQLite all programs share a clock; with PostgreSQL half of them have their own.
    shared, own = ({}, clock.environ()) if place.postgresql else (clock.environ(), {})
    if place.server is not None and plan.networks is not None:
        shared = {"DATABASE_URL": place.server.network_url("postgres")}
    return Fleet(place.folder, {**settings, **SETTINGS, **shared}, own, seed, plan)


def inject_faults(
    injector: FaultInjector,
    seconds: float,
    clients: Clients,
    follower: Follower,
    fleet: Fleet,
    store: Store,
) -> tuple[list[str], list[Views]]:
    """Run the programs under faults, and stop them when all jobs are final.

    Returns the commands that were left running, and what each listener said at the end.
    """
    views: list[Views] = []
    clients.start()
    follower.start()
    try:
        wait_for_listeners(fleet)  # on a busy machine, a short run would be over before
        injector.run(seconds)
        settle(clients, fleet, store)
        wait_for_listeners(fleet)
        views = [ask(address) for address in fleet.addresses]
    finally:
        clients.stop()
        follower.stop(newest_version(store), FOLLOW_SECONDS)
        fleet.stop(STOP_SECONDS)
        left = kill_leftovers(injector.server)
    return left, views


def newest_version(store: Store) -> int:
    """The number of the newest change; 0 if the store fails."""
    try:
        return Events(store.database).newest()
    except StoreError:
        return 0


def open_watched(settings: dict[str, str]) -> Store:
    """Open a new store with audit triggers, and create the folder for the locks of jobs."""
    store = open_store(Settings.read(settings))
    audit.install(store.database)
    schedules.start(store)
    job_types.lock_path(store.settings.data_dir, "").mkdir()
    return store


def settle(clients: Clients, fleet: Fleet, store: Store) -> None:
    """Wait, without faults, until all jobs are final, and their callbacks sent."""
    clients.stop()
    schedules.stop(store)
    until = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < until:
        fleet.supervise()
        with contextlib.suppress(StoreError):
            if not any(count(store.database) for count in LEFT_TO_DO):
                return
        time.sleep(POLL_SECONDS)


def wait_for_listeners(fleet: Fleet) -> None:
    """Wait until each listener takes connections: one may have been killed just before."""
    until = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < until:
        fleet.supervise()
        try:
            for address in fleet.addresses:
                socket.create_connection(address, STOP_SECONDS).close()
            return
        except OSError:
            time.sleep(POLL_SECONDS)


def kill_leftovers(server: postgres.PostgresServer | None) -> list[str]:
    """Kill the processes that the programs have left; returns their commands."""
    spare = set() if server is None else {server.pid}
    until = time.monotonic() + LEFT_SECONDS
    while left := list(commands_below(spare)):
        if time.monotonic() > until:
            break
        time.sleep(POLL_SECONDS)
    kill_descendants(spare)
    return left


def commands_below(spare: set[int]) -> Iterator[str]:
    """The commands of the descendants of this process that have not ended."""
    for pid in processes.descendants_of(os.getpid(), spare):
        with contextlib.suppress(OSError):
            if command := Path(f"/proc/{pid}/cmdline").read_bytes():
                yield command.replace(b"\0", b" ").decode(errors="replace")


def gather(data: Path, clients: Clients, store: Store) -> History:
    """Collect everything that was recorded during the run."""
    return History(
        list(audit.entries(store.database)),
        executions_in(data),
        clients.acknowledged,
        clients.seen,
        audit.keys(store.database),
        audit.stored(store.database),
        audit.attempts(store.database),
    )


def executions_in(data: Path) -> list[Execution]:
    """The executions that job processes have recorded in DATA_DIR."""
    record = job_types.record_path(data)
    found = []
    for line in record.read_text().splitlines() if record.exists() else []:
        event, job_id, attempt, name = line.split()
        found.append(Execution(event, job_id, int(attempt), name))
    return found


def count_events(folder: Path, fleet: Fleet, clients: Clients) -> Counter[str]:
    """Count the events other than faults: from the logs, the clients and the fleet."""
    counts = Counter(clients.counts)
    counts["programs started"] = fleet.starts
    for log in folder.glob("*.log"):
        text = log.read_text()
        for name, message in LOGGED_EVENTS.items():
            counts[name] += text.count(message)
    return counts


if __name__ == "__main__":
    sys.exit(main())
