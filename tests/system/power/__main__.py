"""Cuts the power of the service repeatedly, and checks that it loses nothing.

    python -m tests.system.power [--cuts 50] [--canary-cuts 20] [--seed N]

Then it repeats the cuts with one guard removed at a time. Each of these canaries must lose
something within --canary-cuts, or the test proves nothing. The exit code is 1 if the service lost
anything, or if a canary lost nothing. The test needs root and a loop device. Without them it prints
that it is skipped, and the exit code is 0.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.trial import NOT_COPIED
from tests.support.paths import ROOT
from tests.system.power.disk import missing_requirement, new_disk
from tests.system.power.trial import Counts, Trial

CANARIES = ("commits are synced to disk", "a file is synced before its job is stored")
"""The guards to remove, by their names in tests/mutants."""
LINES = 10


def main() -> None:
    """Run all trials, and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.power")
    parser.add_argument(
        "--cuts", type=int, default=50, help="number of power cuts of the unchanged service"
    )
    parser.add_argument(
        "--canary-cuts", type=int, default=20, help="most power cuts of each canary"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=time.time_ns() % 10**6,
        help="seed of the random times of the cuts",
    )
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the disk is removed
    if lack := missing_requirement():
        say(f"power cuts: SKIPPED, the power cannot be cut here ({lack})")
        return
    say(f"seed {arguments.seed}\n")
    say("| service | cuts | acknowledged | with a file | seen final | lost | broken | seconds |")
    say("|---|---|---|---|---|---|---|---|")
    counts = try_out("as it is", ROOT, arguments.cuts, arguments.seed)
    blind = [
        guard for guard in CANARIES if not try_canary(guard, arguments.canary_cuts, arguments.seed)
    ]
    complaints = [f"{job_id}: {lost}" for job_id, lost in list(counts.lost.items())[:LINES]]
    complaints += counts.broken[:LINES]
    complaints += [f"the test is blind: nothing is lost without {guard!r}" for guard in blind]
    sys.exit("\n".join(complaints) or None)


def try_canary(guard: str, cuts: int, seed: int) -> bool:
    """Remove a guard in a copy of the code; returns whether something is lost."""
    (mutant,) = (each for each in MUTANTS if each.guard == guard)
    with tempfile.TemporaryDirectory(prefix="power-tree-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        mutant.apply(copy)
        return bool(try_out(f"without: {guard}", copy, cuts, seed, until_lost=True).lost)


def try_out(name: str, tree: Path, cuts: int, seed: int, until_lost: bool = False) -> Counts:
    """Cut the power of the service in a source tree, and print the result."""
    began = time.monotonic()
    with new_disk() as disk, tempfile.TemporaryDirectory(prefix="power-logs-") as logs:
        counts = Trial(tree, disk, Path(logs), random.Random(seed)).run(cuts, until_lost)
    numbers = [counts.cuts, counts.acknowledged, counts.uploads, counts.finals]
    cells = " | ".join(map(str, [*numbers, len(counts.lost), len(counts.broken)]))
    say(f"| {name} | {cells} | {time.monotonic() - began:.0f} |")
    return counts


def say(line: str) -> None:
    """Print a line, and flush."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
