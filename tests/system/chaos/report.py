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


def print_violations(found: Iterable[str]) -> None:
    """Print the number of violations, and the first MOST_SHOWN of them."""
    lines = list(found)
    by_promise = Counter(line.split()[0] for line in lines)
    say(f"violations          {len(lines)}" + (f": {_listed(by_promise)}" if lines else ""))
    for line in lines[:MOST_SHOWN]:
        say(f"  {line}")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"
