"""Two releases on one store: updates, rolls back and updates again while clients use the service.

    python -m tests.system.releases --seconds 60 --database sqlite|postgresql [--from COMMIT]

The previous release runs first, with two listeners and two workers. One program after the other is
replaced by this release, then by the previous one, and so on. The last of these rounds always ends
with this release. The run fails if an acknowledged job is lost, has a wrong status or result, if an
event is missing, if a request gets another status than expected, such as one of 5xx, or if a
program logs an error. At the end, `python -m storage contract` drops what only the previous release
needs, and the service goes on.

With SQLite, the run also gives listeners of the previous release files of tokens in newer forms.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import postgres
from tests.system.chaos.follower import Follower
from tests.system.chaos.report import say
from tests.system.releases.fleet import Fleet
from tests.system.releases.load import Load, check_jobs
from tests.system.releases.previous import Release, find_previous, get_release, this_release
from tests.system.releases.tokens import check_tokens

PAUSE_SECONDS = 1.0
FOLLOW_SECONDS = 20.0
MOST_SHOWN = 20
LEAST_ROUNDS = 3
FINAL = ("succeeded", "failed", "canceled")


def main() -> int:
    """Make a run in a new folder; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.releases")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to replace programs")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--from", dest="commit", help="the previous release (default: the last)")
    parser.add_argument("--clients", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    arguments = parser.parse_args()
    commit = arguments.commit or find_previous()
    if commit is None:
        say("this clone has no previous release in its history: nothing is tested")
        return 0
    old, new = get_release(commit), this_release()
    say(f"{old.name} and this release on {arguments.database}, seed {arguments.seed}")
    random.seed(arguments.seed)
    folder = Path(tempfile.mkdtemp(prefix="releases-"))
    with database(arguments.database, folder) as url:
        found = run(folder, url, old, new, arguments)
    if arguments.database == "sqlite":  # of no database
        found += check_tokens(folder, old)
    for line in found[:MOST_SHOWN]:
        say(f"  {line}")
    say(f"violations          {len(found)}")
    if found:
        say(f"logs are in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'data' / 'jobs.db'}"
    elif lack := postgres.missing():
        sys.exit(lack)
    else:
        with postgres.running_server() as server:
            yield server.url("postgres")


def run(
    folder: Path, url: str, old: Release, new: Release, arguments: argparse.Namespace
) -> list[str]:
    """Replace the programs under load, and return what was wrong."""
    (folder / "data").mkdir()
    fleet = Fleet(folder, url, old)
    load = Load(fleet.ports, arguments.clients)
    follower = Follower(fleet.addresses, arguments.seed)
    follower.start()
    try:
        load.start()
        rounds = replace_in_turn(fleet, old, new, arguments.seconds)
        time.sleep(PAUSE_SECONDS)
        load.stop()
        found = check_jobs(load, fleet.ports)
        found += check_events(load, follower)
        fleet.stop()
        found += contract(fleet, new)
        found += check_jobs(load, fleet.ports)
        fleet.stop()
    finally:
        load.stop()
        follower.stop(0, 0.0)
        fleet.kill()
    found += [*load.complaints, *follower.complaints, *fleet.complaints]
    say(f"rounds              {rounds}, each of {len(fleet.names)} programs")
    say(f"jobs acknowledged   {len(load.submitted)}")
    say(f"counts              {', '.join(f'{n} {c}' for n, c in sorted(load.counts.items()))}")
    say(f"events followed     {len(follower.events)} in {follower.streams} streams")
    return found


def replace_in_turn(fleet: Fleet, old: Release, new: Release, seconds: float) -> int:
    """Replace all programs again and again: an update, and pairs of a rollback and an update.

    Returns the number of rounds: three, or more as long as `seconds` are not over.
    """
    until, rounds = time.monotonic() + seconds, 0
    while rounds < LEAST_ROUNDS or rounds % 2 == 0 or time.monotonic() < until:
        release = old if rounds % 2 else new
        for name in random.sample(fleet.names, len(fleet.names)):
            time.sleep(PAUSE_SECONDS)
            fleet.replace(name, release)
        rounds += 1
    return rounds


def check_events(load: Load, follower: Follower) -> list[str]:
    """Wait until the end of each acknowledged job was followed; returns which are missing."""
    until = time.monotonic() + FOLLOW_SECONDS
    while True:
        ended = {each.job_id for each in follower.events if each.status in FINAL}
        missing = [each.job_id for each in load.submitted if each.job_id not in ended]
        if not missing or time.monotonic() > until:
            return [f"no event of the end of job {job_id} was followed" for job_id in missing]
        time.sleep(0.1)


def contract(fleet: Fleet, new: Release) -> list[str]:
    """Drop what only the previous release needs, and start this one again."""
    done = subprocess.run(
        [sys.executable, "-m", "storage", "contract"],
        cwd=new.folder,
        env={**os.environ, **fleet.settings},
        capture_output=True,
        text=True,
    )
    for line in done.stdout.splitlines():
        say(f"contract            {line}")
    fleet.start(new)
    return [] if done.returncode == 0 else [f"contract: {done.stderr}"]


if __name__ == "__main__":
    sys.exit(main())
