"""Shows that chaos runs are not blind: each is made in a copy of the tree with guards off.

    python -m tests.system.chaos.canaries [--seconds 60] [--only TEXT]

A fence has two parts, either of which is enough to tell a stale answer, so both are switched off.
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

from runner.pool.linux import processes
from tests.mutants.guards import MUTANTS
from tests.mutants.trial import copy_tree
from tests.support.paths import ROOT
from tests.system.chaos.report import say

FOUND = re.compile(r"^violations +(\d+)\n(?:  (.{0,100}))?", re.MULTILINE)
MORE_SECONDS = 240.0
"""What a run may take beside its faults."""


@dataclass(frozen=True)
class Canary:
    """Guards, by their names in tests/mutants, and the database on which their want is to show."""

    database: str
    guards: tuple[str, ...]


CANARIES = (
    Canary("postgresql", ("the fence names the owner", "the fence names the attempt")),
    Canary("sqlite", ("all processes of a runner hold its lock",)),
    Canary("postgresql", ("keepers heed the end of the lease",)),
    Canary("sqlite", ("a claim adds one to the attempt",)),
    Canary("sqlite", ("the kernel's lock says who lives",)),
    Canary("postgresql", ("only the dead are rescued from",)),
    Canary("sqlite", ("a job that is to be canceled is neither retried nor released",)),
    Canary("postgresql", ("what a disowned job did is forgotten",)),
    Canary("sqlite", ("what a job leaves running is found",)),
    Canary("sqlite", ("a retry is counted",)),
    Canary("sqlite", ("the yes comes after the commit",)),
    Canary("postgresql", ("after a doubtful commit the store is asked what was claimed",)),
)


def main() -> int:
    """Try the canaries that are asked for; exit code 1 if a run has not noticed one."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.chaos.canaries")
    parser.add_argument("--seconds", type=int, default=60, help="of faults, for each run")
    parser.add_argument("--only", default="", help="only those whose guards have this text")
    arguments = parser.parse_args()
    chosen = [each for each in CANARIES if arguments.only in "; ".join(each.guards)]
    say("| switched off | database | violations | first | seconds |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="canaries-") as folder:
        Path(folder).chmod(0o755)  # a database server in it runs as another user
        caught = [try_canary(each, Path(folder), arguments.seconds) for each in chosen]
    return 0 if all(caught) else 1


def try_canary(canary: Canary, folder: Path, seconds: int) -> bool:
    """Make a run without its guards, print a line, and tell whether anything was found."""
    copy, began = copy_tree(folder), time.monotonic()
    mutants = [mutant for mutant in MUTANTS if mutant.guard in canary.guards]
    for mutant in mutants:
        mutant.apply(copy)
    try:
        code, output = run_chaos(copy, canary.database, seconds)
    finally:
        processes.kill_descendants()
        for mutant in mutants:
            mutant.undo(copy, ROOT)
    match = FOUND.search(output)
    count, first = match.groups() if match else (f"none told, exit code {code}", output[-300:])
    took = time.monotonic() - began
    say(f"| {'; '.join(canary.guards)} | {canary.database} | {count} | {first} | {took:.0f} |")
    return match is not None and code == 1


def run_chaos(root: Path, database: str, seconds: int) -> tuple[int, str]:
    """Exit code and output of a run."""
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
