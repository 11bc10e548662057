"""The output of a job process: standard output and error, and the log, as the keeper expects them.

Standard output is the pipe that the keeper reads, and file descriptor 2 is another one, for child
processes and libraries in C. Python code that logs or writes to `sys.stderr` writes into the first
pipe, in frames. So all output of Python code stays in order.
"""

import io
import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from runner.pool.protocol.log_frames import OutputEnds, entry_header, stderr_header
from storage.records.output import Mark, Stream

MAX_FIELD_BYTES = 4096
"""The maximum size of the fields of a log entry, as JSON."""
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", "fields"}
"""Attributes of a record that are no fields of the job."""
_JSON = json.JSONEncoder(
    allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=str, check_circular=True
)


def redirect_output(ends: OutputEnds) -> None:
    """Redirect descriptors 1 and 2 to the pipes, and restore the levels of the log, which undoes
    changes by earlier jobs.

    Redirects nothing if there are no pipes.
    """
    for logger, level in _levels.items():
        if logger.level != level:
            logger.setLevel(level)
    if ends.stdout >= 0:
        os.dup2(ends.stdout, 1)
        os.dup2(ends.stderr, 2)


def configure_output(ends: OutputEnds) -> None:
    """Make stdout and stderr line-buffered, so that a crash loses no line, and log in frames.

    To be called after `redirect_output`. Without pipes, the log goes to stderr.
    """
    handlers: list[logging.Handler] | None = None
    if ends.stdout >= 0:
        handlers = [FrameHandler(ends)]
        raw = io.BufferedWriter(FramedStderr(ends))
        sys.stderr = io.TextIOWrapper(
            raw, sys.stderr.encoding, "backslashreplace", line_buffering=True
        )
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    logging.basicConfig(level=logging.INFO, format=_FORMAT, handlers=handlers)
    for logger in (logging.root, logging.getLogger("job")):
        _levels[logger] = logger.level


_levels: dict[logging.Logger, int] = {}
"""The levels at the start of the process: of the root, and of `Context.log`."""


class FramedStderr(io.RawIOBase):
    """Writes standard error as frames, unless the job has redirected descriptor 2."""

    def __init__(self, ends: OutputEnds) -> None:
        self._ends = ends
        self._pipe = _identity(ends.stderr)

    def fileno(self) -> int:
        """Return 2, for child processes."""
        return 2

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any) -> int:
        """Write all of the data. Raises OSError."""
        text = bytes(data)
        if _identity(2) != self._pipe:
            return os.write(2, text)
        _write(self._ends.stdout, stderr_header(self._ends.key, len(text)) + text)
        return len(text)


class FrameHandler(logging.Handler):
    """Writes records of `logging` as frames."""

    def __init__(self, ends: OutputEnds) -> None:
        super().__init__()
        self._ends = ends
        self.setFormatter(logging.Formatter(_FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record. An error is printed and does not reach the code that logs."""
        try:
            mark, text = encode_record(record, self.formatter or logging.Formatter())
            frame = entry_header(self._ends.key, mark, len(text)) + text
            _write(self._ends.stdout, frame)
        except Exception:
            self.handleError(record)


def encode_record(record: logging.LogRecord, formatter: logging.Formatter) -> tuple[Mark, bytes]:
    """Return the text of a record as one or more lines, and its mark at position 0."""
    created = int(record.created * 1000)
    time = datetime.fromtimestamp(created // 1000, UTC).isoformat(timespec="seconds")[:-6]
    name, message = _encoded(record.name), _encoded(_message(record))
    head = b"%s.%03dZ %s %s: " % (
        time.encode(),
        created % 1000,
        _encoded(record.levelname),
        name,
    )
    fields = _fields(record)
    rest = b" " + _encoded(fields) if fields else b""
    text = [head, message, rest, b"\n"]
    if record.exc_info:
        text += [_encoded(formatter.formatException(record.exc_info)), b"\n"]
    if record.stack_info:
        text += [_encoded(formatter.formatStack(record.stack_info)), b"\n"]
    level = min(max(int(record.levelno), 0), 999)
    sizes = len(head), len(name), len(message), len(rest)
    return Mark(0, Stream.LOG, created, level, *sizes), b"".join(text)


def _message(record: logging.LogRecord) -> str:
    """Return the message with its arguments; if they do not fit, both, and the reason."""
    try:
        return record.getMessage()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return f"{record.msg} [its arguments {record.args} do not fit: {reason}]"


def _fields(record: logging.LogRecord) -> str:
    """Return the fields of a record as JSON, "" without any.

    The job gave them to `context.log`, or as `extra`. A value that JSON cannot hold becomes
    text. Fields for which there is no room are counted only.
    """
    values = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    given = vars(record).get("fields")
    values |= given if isinstance(given, Mapping) else {} if given is None else {"fields": given}
    if not values:
        return ""
    kept, size = [], 0
    for name, value in values.items():
        field = f"{_JSON.encode(str(name))}:{_to_json(value)}"
        if size + len(_encoded(field)) <= MAX_FIELD_BYTES:
            kept.append(field)
            size += len(_encoded(field))
    if left_out := len(values) - len(kept):
        kept.append(f'"fields_left_out":{left_out}')
    return f"{{{','.join(kept)}}}"


def _to_json(value: object) -> str:
    try:
        return _JSON.encode(value)
    except (TypeError, ValueError, RecursionError):
        return _JSON.encode(str(value))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _identity(descriptor: int) -> tuple[int, int]:
    stat = os.fstat(descriptor)
    return stat.st_dev, stat.st_ino


def _write(descriptor: int, data: bytes) -> None:
    """Write everything; up to PIPE_BUF, 4 KiB, no other writer can come between."""
    while data:
        data = data[os.write(descriptor, data) :]
