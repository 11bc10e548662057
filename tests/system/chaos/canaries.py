"""Shows that chaos runs detect bugs: each canary runs in a copy of the code with guards removed.

    python -m tests.system.chaos.canaries [--seconds 60] [--only TEXT]

A fence has two parts. Either part is enough to detect a stale end, so both are removed together.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from runner.pool.linux.processes import kill_descendants
from tests.mutants.catalogue import MUTANTS
from tests.mutants.trial import copy_tree
from tests.support.paths import ROOT
from tests.system.chaos.report import say

FOUND = re.compile(r"^violations +(\d+)(?:: (.+))?\n(?:  (.{0,100}))?", re.MULTILINE)
MORE_SECONDS = 240.0
"""The most time that a run may take in addition to the time of its faults."""


@dataclass(frozen=True)
class Canary:
    """Guards to remove, by their names in tests/mutants, and the database to run on."""

    database: str
    guards: tuple[str, ...]
    promise: str = ""
    """The promise that must be found broken, such as P3; empty for any."""


CANARIES = (
    Canary("postgresql", ("the fence names the owner", "the fence names the attempt")),
    Canary("sqlite", ("all processes of a runner hold its lock",)),
    Canary("postgresql", ("keepers enforce the end of the lease",), "P3"),
    Canary("sqlite", ("a claim adds one to the attempt",)),
    Canary("sqlite", ("the kernel's lock decides which runners live",)),
    Canary("postgresql", ("only jobs of dead runners are rescued",)),
    Canary("sqlite", ("a job that is to be canceled is neither retried nor released",)),
    Canary("sqlite", ("stray processes of a job are found",)),
    Canary("sqlite", ("a retry is counted",)),
    Canary("sqlite", ("a new job takes no place that others have",), "P17"),
    Canary("sqlite", ("the response comes after the commit",)),
    Canary("postgresql", ("after an uncertain commit the runner asks which jobs it holds",)),
)


def main() -> int:
    """Try the chosen canaries; returns exit code 1 if a run did not detect one."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.chaos.canaries")
    parser.add_argument("--seconds", type=int, default=60, help="how long each run injects faults")
    parser.add_argument(
        "--only", default="", help="try only canaries with this text in the names of their guards"
    )
    arguments = parser.parse_args()
    chosen = [each for each in CANARIES if arguments.only in "; ".join(each.guards)]
    say("| removed guards | database | violations | first | seconds |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="canaries-") as folder:
        Path(folder).chmod(0o755)  # the database server in it runs as another user
        caught = [try_canary(each, Path(folder), arguments.seconds) for each in chosen]
    return 0 if all(caught) else 1


def try_canary(canary: Canary, folder: Path, seconds: int) -> bool:
    """Make a run without the guards, and print its result; returns whether it found violations."""
    copy, began = copy_tree(folder), time.monotonic()
    mutants = [mutant for mutant in MUTANTS if mutant.guard in canary.guards]
    for mutant in mutants:
        mutant.apply(copy)
    try:
        code, output = run_chaos(copy, canary.database, seconds)
    finally:
        kill_descendants()
        for mutant in mutants:
            mutant.undo(copy, ROOT)
    match = FOUND.search(output)
    missing = f"no report, exit code {code}", "", output[-300:]
    count, promises, first = match.groups("") if match else missing
    took = time.monotonic() - began
    guards, broken = "; ".join(canary.guards), f"{count} {promises}"
    say(f"| {guards} | {canary.database} | {broken} | {first} | {took:.0f} |")
    return match is not None and code == 1 and canary.promise in promises


def run_chaos(root: Path, database: str, seconds: int) -> tuple[int, str]:
    """Make a chaos run; returns its exit code and output."""
    options = ["--seconds", str(seconds), "--database", database]
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.chaos", *options],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(root.parent)},
        timeout=seconds + MORE_SECONDS,
    )
    return done.returncode, done.stdout


if __name__ == "__main__":
    sys.exit(main())
