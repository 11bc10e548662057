"""Why a test may be skipped in CI (`CI=true`); for any other reason, it fails there.

A tool that is missing is no reason: `.ci/run` installs all of `.ci/tools`.
"""

import os

import pytest

ALLOWED = (
    # The test of one database, or of one kind of schema change, says why it has no other form.
    "SQLite has a single writer",
    "a lease that has ended is seen by the queries of the rescue",
    "it contracts the schema",
    "its plans do not depend on statistics",
    "its server stops writing by itself",
    "on PostgreSQL, runners have leases instead of locks",
    "on SQLite, a runner is dead at once",
    "only PostgreSQL has",
    "only SQLite: the worker itself writes the database files",
    "only where",
    "plans of PostgreSQL depend on statistics",
    "PostgreSQL's plans depend on statistics",
    "the check reads a SQLite database",
    "PRAGMA integrity_check is a check of SQLite",
    "with leases, only a query finds dead runners",
    # The kernel of the machine, and what it lets root do, cannot be installed.
    "gcc has no sanitizers here",
    "no group with controllers can be made",
    "no process namespaces can be made here",
    "there is no second disk",
    "this kernel",
    # make generators runs these apart, with their tools.
    "tests/generators/run installs the generators and runs this",
)
"""How the reasons begin."""


def refuse_unknown_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI, turn a skip for a reason that is not ALLOWED into a failure."""
    if not (os.environ.get("CI") and report.skipped and isinstance(report.longrepr, tuple)):
        return
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if not reason.startswith(ALLOWED):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} may not be skipped in CI: {reason}"
