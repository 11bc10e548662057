"""Cuts the power of the service, and says what it lost: nothing may be.

    python -m tests.system.power [--cuts 50] [--canary-cuts 20] [--seed N]

Then the same without its guards, one by one (canaries): each has to lose something within so many
cuts, or these cuts prove nothing. Exit code 1 if the service lost anything, or a canary nothing.
Needs root and a loop device; where they cannot be had it says so, and the exit code is 0.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.mutants.guards import MUTANTS
from tests.mutants.trial import NOT_COPIED
from tests.support.paths import ROOT
from tests.system.power.disk import lacking, new_disk
from tests.system.power.trial import Tally, Trial

CANARIES = ("commits are synced to disk", "a file is synced before its job is stored")
"""Guards out of those of tests/mutants."""
LINES = 10


def main() -> None:
    """Run all trials, and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.power")
    parser.add_argument("--cuts", type=int, default=50, help="cuts of the service as it is")
    parser.add_argument("--canary-cuts", type=int, default=20, help="most cuts of a canary")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6, help="of the times")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the disk is cleared away
    if lack := lacking():
        say(f"power cuts: SKIPPED, the power cannot be cut here ({lack})")
        return
    say(f"seed {arguments.seed}\n")
    say("| service | cuts | acknowledged | with a file | seen final | lost | broken | seconds |")
    say("|---|---|---|---|---|---|---|---|")
    tally = try_out("as it is", ROOT, arguments.cuts, arguments.seed)
    blind = [
        guard for guard in CANARIES if not try_canary(guard, arguments.canary_cuts, arguments.seed)
    ]
    complaints = [f"{job_id}: {lost}" for job_id, lost in list(tally.lost.items())[:LINES]]
    complaints += tally.broken[:LINES]
    complaints += [f"the test is blind: nothing is lost without {guard!r}" for guard in blind]
    sys.exit("\n".join(complaints) or None)


def try_canary(guard: str, cuts: int, seed: int) -> bool:
    """Switch a guard off in a copy of the tree; whether something is lost."""
    (mutant,) = (each for each in MUTANTS if each.guard == guard)
    with tempfile.TemporaryDirectory(prefix="power-tree-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        mutant.apply(copy)
        return bool(try_out(f"without: {guard}", copy, cuts, seed, until_lost=True).lost)


def try_out(name: str, tree: Path, cuts: int, seed: int, until_lost: bool = False) -> Tally:
    """Cut the power of the service in a tree, and print what came of it."""
    began = time.monotonic()
    with new_disk() as disk, tempfile.TemporaryDirectory(prefix="power-logs-") as logs:
        tally = Trial(tree, disk, Path(logs), random.Random(seed)).run(cuts, until_lost)
    counts = [tally.cuts, tally.acknowledged, tally.uploads, tally.finals]
    cells = " | ".join(map(str, [*counts, len(tally.lost), len(tally.broken)]))
    say(f"| {name} | {cells} | {time.monotonic() - began:.0f} |")
    return tally


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
