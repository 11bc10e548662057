"""Sets up the log of a program: text on a terminal, JSON otherwise. Imports nothing of ours."""

import logging
import os
import socket
import sys
from typing import NoReturn

from pythonjsonlogger.json import JsonFormatter

FIELDS = "%(levelname)s %(name)s %(message)s"
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def instance() -> str:
    """Name of this process, unique among all machines, such as `box1-4711`."""
    return f"{socket.gethostname()}-{os.getpid()}"


class TextFormatter(logging.Formatter):
    """Formats a record as one line, with the extra fields as name=value after the message.

    Further lines of a field, such as a traceback, are indented: no record begins like them.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        extra = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        fields = "".join(f" {name}={value}" for name, value in extra.items())
        fields = fields.rstrip().replace("\n", "\n    ")
        return super().format(record).replace("\n", f"{fields}\n", 1) + (
            "" if record.exc_info or "\n" in record.getMessage() else fields
        )


def set_up_logs(level: str, style: str, program: str) -> None:
    """Log to stderr, from `level` on. `style` is "text", "json", or anything else for automatic.

    Each JSON line contains `program`, and `instance` for the process. Names of runners begin with
    the instance.
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


def is_json() -> bool:
    """Whether the log has JSON lines."""
    return any(isinstance(each.formatter, JsonFormatter) for each in logging.root.handlers)


def exit_with(reason: str) -> NoReturn:
    """Exit with code 1 and a reason on stderr: a JSON line if the log has such, else plain text."""
    if is_json():
        logging.getLogger(__name__).critical(reason)
        sys.exit(1)
    sys.exit(reason)


def _skip_unused_fields() -> None:
    """Stop collecting record fields that no log line uses, which saves a third of the cost of a
    line. A worker logs a line per job. See
    https://docs.python.org/3/howto/logging.html#optimization."""
    for what in ("Threads", "Processes", "Multiprocessing", "AsyncioTasks"):
        setattr(logging, f"log{what}", False)
    logging._srcfile = None
