"""The functions that the fork server of a worker calls: to load job types, and to log a hang.

They import lazily. The worker imports this module to name the functions, and must not import the
job types themselves, nor Pydantic, which they need.
"""

import logging
import os
from collections.abc import Callable


def load(packages: tuple[str, ...]) -> Callable[[str, Callable[[str], None]], str]:
    """Load all job types of these sources; returns `runner.job_types.registry.entry.JobEntry`."""
    from runner.job_types.registry import loader

    return loader.load(packages)


def report_hang(level: str, style: str, seconds: float, stacks: str) -> None:
    """Log that the worker is ended. `style` is LOG_FORMAT, `stacks` are its threads' stacks."""
    from storage.telemetry.logs import set_up_logs

    set_up_logs(level, style, "worker")
    fields = {"worker": os.getppid(), "seconds": round(seconds, 1), "stacks": stacks}
    logging.getLogger(__name__).critical("the main loop hangs, ending the worker", extra=fields)
