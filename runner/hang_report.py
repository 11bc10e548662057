"""Logs that a worker hangs, in its fork server. It imports the rest lazily, like `entry`."""

import logging
import os


def report_hang(level: str, style: str, seconds: float, stacks: str) -> None:
    """Log that the worker is ended. `style` is LOG_FORMAT, `stacks` are those of its threads."""
    from storage.telemetry.logs import set_up_logs

    set_up_logs(level, style, "worker")
    fields = {"worker": os.getppid(), "seconds": round(seconds, 1), "stacks": stacks}
    logging.getLogger(__name__).critical("the main loop hangs, ending the worker", extra=fields)
