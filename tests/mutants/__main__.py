"""Switches the guards off one by one, and prints for each which test has noticed.

    python -m tests.mutants [--jobs 2] [--only TEXT]

First all those tests have to pass on the tree as it is. Exit code 1 if no test misses a guard.
"""

import argparse
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant
from tests.mutants.trial import Verdict, copy_tree, run_tests, try_mutant

ALL_SECONDS = 1800.0


def main() -> None:
    """Try the mutants that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants at once")
    parser.add_argument(
        "--only", default="", help="only those with this text in their guard or file"
    )
    arguments = parser.parse_args()
    mutants = [each for each in MUTANTS if arguments.only in f"{each.file} {each.guard}"]
    if not mutants:  # pytest without tests would run all of them
        sys.exit(f"no guard, and no file of one, has the text {arguments.only!r}")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        Path(folder).chmod(0o755)  # a database server in it runs as another user
        refuse_failing_tests(mutants, Path(folder))
        verdicts = try_all(mutants, arguments.jobs, Path(folder))
    survivors = [verdict.guard for verdict in verdicts if not verdict.caught]
    say(f"\n{len(verdicts)} guards, {len(survivors)} of which no test misses")
    sys.exit("\n".join(survivors) or None)


def refuse_failing_tests(mutants: list[Mutant], folder: Path) -> None:
    """Exit if the tests do not pass as things are: they would prove nothing."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    code, output = run_tests(copy_tree(folder), tests, "-n", "2", patience=ALL_SECONDS)
    if code is None:
        sys.exit(f"the tests of all mutants did not end in {ALL_SECONDS:g} s")
    if code != 0:
        sys.exit(f"the tests fail on the tree as it is\n{output}")


def try_all(mutants: list[Mutant], jobs: int, folder: Path) -> list[Verdict]:
    """Try mutants, some at once, and print a line for each in their order."""
    say("| guard | missed by | seconds |\n|---|---|---|")
    verdicts = []
    with ProcessPoolExecutor(jobs, get_context("spawn")) as workers:
        for verdict in workers.map(partial(try_mutant, folder=folder), mutants):
            missed_by = verdict.by if verdict.caught else "**no test**"
            say(f"| {verdict.guard} | {missed_by} | {verdict.seconds:.1f} |")
            verdicts.append(verdict)
    return verdicts


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
