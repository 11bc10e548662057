"""Examines this environment, and prints the findings, for `python -m storage doctor`."""

import argparse
import os
from collections.abc import Callable

from admin.doctor import report
from admin.doctor.examine import examine
from admin.doctor.findings.finding import worst
from admin.doctor.findings.subject import Subject
from admin.doctor.repair import repair
from admin.doctor.trials.chaos import run_chaos
from storage.records.job import StoreError


def run(arguments: argparse.Namespace, show: Callable[[str], None]) -> int:
    """Show the findings, line by line; return the exit code. Raises StoreError if a repair fails.

    Settings that are invalid are findings, too; then nothing is repaired.
    """
    if arguments.chaos is not None:
        return _try_chaos(arguments.chaos)
    subject, fixed = Subject(os.environ, arguments.thorough), list[str]()
    try:
        if arguments.fix and subject.is_readable:
            fixed = list(repair(subject))
        found = examine(subject)
    finally:
        subject.close()
    if arguments.json:
        show(report.as_json(found, fixed))
    else:
        for line in fixed:
            show(f"fixed    {line}")
        show(report.as_text(found))
    return int(worst(found) in (("warning", "error") if arguments.strict else ("error",)))


def _try_chaos(seconds: float) -> int:
    """Run the chaos suite, which needs valid settings; return its exit code. Raises StoreError."""
    subject = Subject(os.environ)
    if not subject.is_readable:
        raise StoreError("the settings are invalid: " + "; ".join(subject.problems))
    try:
        return run_chaos(subject, seconds)
    finally:
        subject.close()
