"""How every program writes its log: lines at a terminal, else JSON. Imports nothing of ours."""

import logging
import os
import socket
import sys
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

FIELDS = "%(levelname)s %(name)s %(message)s"
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def instance() -> str:
    """This process among those of all machines, as in `box1-4711`."""
    return f"{socket.gethostname()}-{os.getpid()}"


class TextFormatter(logging.Formatter):
    """One line, with the extra fields as name=value behind the message."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        extra = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        fields = "".join(f" {name}={value}" for name, value in extra.items())
        return super().format(record).replace("\n", f"{fields}\n", 1) + (
            "" if record.exc_info or "\n" in record.getMessage() else fields
        )


def set_up_logs(level: str, style: Literal["auto", "text", "json"], program: str) -> None:
    """Log to stderr, everything from `level` on.

    `program` goes into each JSON line, and which process of which machine has written it: names of
    runners begin with that.
    """
    handler = logging.StreamHandler(sys.stderr)
    if style == "text" or (style == "auto" and sys.stderr.isatty()):
        handler.setFormatter(TextFormatter("%(asctime)s %(levelname)-7s %(message)s"))
    else:
        names = {"levelname": "level", "name": "logger"}
        static = {"program": program, "instance": instance()}
        handler.setFormatter(
            JsonFormatter(FIELDS, rename_fields=names, static_fields=static, timestamp="time")
        )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    _skip_unused_fields()


def _skip_unused_fields() -> None:
    """As https://docs.python.org/3/howto/logging.html#optimization has it: a third of a line's
    cost, of which a worker writes one for each job."""
    for what in ("Threads", "Processes", "Multiprocessing", "AsyncioTasks"):
        setattr(logging, f"log{what}", False)
    logging._srcfile = None
