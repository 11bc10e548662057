"""Completion in shells: of job types, statuses, queues, schedules, sets of patterns, failures, ids.

The command asks the service for these names. An answer must come within SECONDS. If anything goes
wrong, the command offers nothing.

The script for zsh is in a private table of Typer. This was tested with Typer 0.28; below another
release without that table, Typer's own script is installed.
"""

import os
import threading
from collections.abc import Callable, MutableMapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import typer

from jobservice.cli import config
from jobservice.cli.output import formats

if TYPE_CHECKING:
    from jobservice import Client

SECONDS = 1.0
"""How long a shell waits for the service."""
RECENT_JOBS = 20
STATUSES = ("queued", "running", "succeeded", "failed", "canceled")
Choice = tuple[str, str]
"""A value, and what some shells show beside it."""

_CALL = """

if [[ $funcstack[1] == _%(prog_name)s ]]; then
  %(complete_func)s "$@"
fi"""
"""The file runs at the first completion. It defines the function, and must also call it."""


def complete_at_the_first_tab() -> None:
    """Change the script for zsh, which otherwise completes nothing at the first Tab of a shell."""
    try:
        from typer._completion_shared import COMPLETION_SCRIPT_ZSH, _completion_scripts
    except ImportError:
        return
    _completion_scripts["zsh"] = COMPLETION_SCRIPT_ZSH.rstrip() + _CALL


def take_named_shell(arguments: Sequence[str], environ: MutableMapping[str, str]) -> None:
    """Let `--show-completion zsh` name a shell. Typer then does not look which one is running."""
    for option, value in pairwise(arguments):
        if option in ("--show-completion", "--install-completion") and not value.startswith("-"):
            environ["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"


def job_types(ctx: typer.Context, incomplete: str) -> list[Choice]:
    """The job types of the service."""
    return _ask(ctx, incomplete, lambda client: [(name, "") for name in client.types()])


def queues(ctx: typer.Context, incomplete: str) -> list[Choice]:
    """The queues of the service."""
    return _ask(ctx, incomplete, lambda client: [(queue.name, "") for queue in client.queues()])


def schedules(ctx: typer.Context, incomplete: str) -> list[Choice]:
    """The schedules of the service, each with the type of its jobs."""
    return _ask(ctx, incomplete, _all_schedules)


def pattern_sets(ctx: typer.Context, incomplete: str) -> list[Choice]:
    """The pattern sets of the service, each with its description."""
    return _ask(ctx, incomplete, _all_pattern_sets)


def failures(ctx: typer.Context, incomplete: str) -> list[Choice]:
    """The groups of failures, each with its job type and its message."""
    return _ask(ctx, incomplete, _all_failures)


def job_ids(ctx: typer.Context, incomplete: str) -> list[Choice]:
    """The newest jobs, each with its type and status."""
    return _ask(ctx, incomplete, _newest_jobs)


def statuses(ctx: typer.Context, incomplete: str) -> list[Choice]:
    """The statuses; several are separated by commas."""
    before, comma, last = incomplete.rpartition(",")
    chosen = before.split(",")
    return [
        (f"{before}{comma}{status}", "")
        for status in STATUSES
        if status.startswith(last) and status not in chosen
    ]


def one_of(*values: str) -> Callable[[str], list[Choice]]:
    """Return a completion by some fixed values."""
    return lambda incomplete: [(each, "") for each in values if each.startswith(incomplete)]


def _all_schedules(client: "Client") -> list[Choice]:
    return [(each.name, each.type) for each in client.schedules.list()]


def _all_pattern_sets(client: "Client") -> list[Choice]:
    return [(each.name, each.description) for each in client.pattern_sets()]


def _all_failures(client: "Client") -> list[Choice]:
    groups = client.failures.list().groups
    return [(each.failure, f"{each.count} {each.type}: {each.message[:60]}") for each in groups]


def _newest_jobs(client: "Client") -> list[Choice]:
    jobs = client.list(limit=RECENT_JOBS)
    return [
        (job.id, f"{job.data.type}, {job.status}, {formats.moment(job.data.created_at)}")
        for job in jobs
    ]


def _ask(
    ctx: typer.Context, incomplete: str, read: Callable[["Client"], list[Choice]]
) -> list[Choice]:
    """Return what the service knows and begins with this text, or nothing after SECONDS.

    A thread asks, because looking up a host name has no time limit. The end of the program does
    not wait for it.
    """
    from jobservice import Client

    # --url may stand before or behind the command.
    url = ctx.params.get("url") or ctx.find_root().params.get("url")
    found: list[Choice] = []

    def ask() -> None:
        try:
            address = config.address(url, os.environ)
            token = address.token or ""
            with Client(address.url, token, timeout=SECONDS, retry_seconds=0.0) as client:
                found.extend(read(client))
        except Exception:
            return  # a message would appear in the middle of the line that is being typed

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return [choice for choice in found if choice[0].startswith(incomplete)]
