"""Prints the figures of a run, and the violations that were found."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping

from tests.system.chaos.history import AttemptChange, Change, History

MOST_SHOWN = 20


def say(line: str) -> None:
    """Print a line, and flush."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def print_report(history: History, faults: Mapping[str, int], events: Mapping[str, int]) -> None:
    """Print the figures of a run."""
    last = {each.job_id: each for each in history.entries if isinstance(each, Change)}
    outcomes = [e.outcome for e in history.entries if isinstance(e, AttemptChange) and e.outcome]
    executions = Counter(each.event for each in history.executions)
    say(f"faults injected     {sum(faults.values())}: {_listed(faults)}")
    say(f"jobs acknowledged   {len(history.acknowledged)} of {len(last)} stored")
    say(f"jobs by status      {_listed(Counter(each.status for each in last.values()))}")
    say(f"changes             {len(history.entries)}")
    say(f"executions          {executions['start']} started, {executions['end']} ended")
    say(f"attempts            {_listed(Counter(map(str, outcomes)))}")
    say(f"events              {_listed(events)}")


PROMISES = {
    "P1": "an acknowledged job survives",
    "P2": "every acknowledged job gets exactly one final state",
    "P3": "no job runs twice at the same time",
    "P4": "a final job never changes",
    "P5": "a job starts no more often than its retries allow",
    "P8": "canceled means dead, or never started",
    "P9": "a wrong clock neither rescues a live job nor loses one",
    "P10": "a full disk loses nothing, and the service recovers",
    "P13": "a stop ends in order, and leaves no process",
    "P16": "a job that waits for others does not start before their end",
    "P17": "no more jobs of a key run than it allows",
    "P18": "one job at a time holds a unique key",
    "P19": "each time of a schedule is fired once or recorded as missed",
    "P20": "a job that has succeeded has all its files",
    "P21": "the end of a job with a callback is told at least once",
}
"""The promises of docs/guarantees.md that a run tries, in short."""
ELSEWHERE = {
    "P6": "python -m benchmarks.faults.kills measures it",
    "P7": "python -m benchmarks.faults.kills measures it",
    "P11": "python -m benchmarks.storage.contention measures it",
    "P12": "tests/storage/test_unusable_stores.py",
    "P14": "tests/server/handlers/test_bad_input.py",
    "P15": "make mutants",
}
"""The promises that no run tries, and what does."""
NEEDS = {
    "P9": "clock set",
    "P10": "full disk",
    "P16": "jobs that wait for others",
    "P17": "jobs with a concurrency key",
    "P18": "jobs with a unique key",
    "P19": "times submitted",
    "P20": "files of jobs",
    "P21": "callbacks",
}
"""The fault or event without which a promise was not tried. The others need acknowledged jobs."""


def print_promises(found: Iterable[str], counts: Mapping[str, int], acknowledged: int) -> None:
    """Print each promise: kept, broken, or untried in this run.

    `counts` has the faults and events by their names.
    """
    broken = {line.split()[0] for line in found}
    for code in sorted({**PROMISES, **ELSEWHERE}, key=lambda each: int(each[1:])):
        if code in ELSEWHERE:
            say(f"{code:<4}untried {ELSEWHERE[code]}")
            continue
        is_tried = counts.get(NEEDS[code], 0) if code in NEEDS else acknowledged
        state = "BROKEN" if code in broken else "kept" if is_tried else "untried"
        say(f"{code:<4}{state:<8}{PROMISES[code]}")


def print_violations(found: Iterable[str]) -> None:
    """Print the number of violations, and the first MOST_SHOWN of them."""
    lines = list(found)
    by_promise = Counter(line.split()[0] for line in lines)
    say(f"violations          {len(lines)}" + (f": {_listed(by_promise)}" if lines else ""))
    for line in lines[:MOST_SHOWN]:
        say(f"  {line}")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
