"""The JSON documents of stored files and text as types: files of jobs, lines, and output."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from server.documents.schemas.common import Id, Time
from storage.records.json_values import Json


class Piece(TypedDict):
    """A contiguous piece of an attempt's output."""

    position: int
    """Offset of the piece's first byte in the output of the attempt."""
    text: str
    """The output; bytes that are not UTF-8 are replacement characters."""


LogLevel = Literal["debug", "info", "warning", "error", "critical"]
"""The levels of Python's `logging`; a level between two of them has the name of the lower one."""
LogStream = Literal["stdout", "stderr", "log"]
"""Standard output, standard error, or `logging` with `context.log`."""


class LogEntryDocument(TypedDict):
    """A line that an attempt printed, or what it logged at once, which may be several lines."""

    time: Time | None
    """When it was logged or, if it was printed, when the worker read it; null if not known."""
    stream: LogStream | None
    """Where it comes from; null for a gap, and for output that an older worker has stored."""
    level: LogLevel | None
    """Its level; null if it was printed."""
    logger: str | None
    """Name of the logger, `job` for `context.log`; null if it was printed."""
    message: str
    """The text: of a log entry without time, level, logger, fields and traceback."""
    fields: Json | None
    """The values that were logged with it; null without any."""
    traceback: str | None
    """The exception that was logged with it; null without one."""
    position: int
    """Offset of its first byte in the output of the attempt."""


class LineDocument(TypedDict):
    """A line of a file."""

    line: int
    """Number of the line, from 1; in an archive, through all files of it that are read."""
    time: Time | None
    """The time at the start of the line; null if it has none."""
    member: NotRequired[str]
    """Name of the file in an archive that has the line."""
    member_line: NotRequired[int]
    """Number of the line in this file of the archive, from 1."""
    text: str
    """The line without its line end; of a line of more than 16 KiB, the start."""
    matches: list[list[int]]
    """Start and end of each match, in characters of the text; at most 100."""
    context: NotRequired[bool]
    """True for a line that does not match, but is near one that does."""
    continues: NotRequired[bool]
    """With records, true for each line of a record after its first one."""
    truncated: NotRequired[bool]
    """True if the text is only the start of the line."""


class FailedMemberDocument(TypedDict):
    """A file in an archive that has no lines that can be read."""

    name: str
    """Its name in the archive."""
    code: str
    """`encrypted`, `archive`, `not_text`, `unsupported` or `damaged`."""
    message: str
    """The reason in words."""


class LinesDocument(TypedDict):
    """A page of lines of a file."""

    lines: list[LineDocument]
    """The lines, in the order of the file. They can be few or none, although more follow."""
    next: str | None
    """Cursor of the next page; null at the end of the file, or of the requested times."""
    total_lines: int | None
    """Number of lines in the file; null if it is not known yet."""
    problem: str | None
    """Why the file cannot be read beyond this page, if it is damaged; else null."""
    failed_members: NotRequired[list[FailedMemberDocument]]
    """Files of an archive that this page has passed over, at most 100."""


class LogsDocument(TypedDict):
    """The stored output of an attempt."""

    job_id: Id
    """Id of the job."""
    attempt: int
    """Number of the attempt."""
    bytes: int
    """Total size of the output that the attempt printed, kept or not."""
    pieces: list[Piece]
    """The parts of the output that are kept: all of it, or its start and its end."""
    entries: list[LogEntryDocument]
    """The lines and log entries in these parts, as far as `level` and `stream` select them."""
    version: int
    """Number of the newest change in this response; follow the events after it."""


class FileDocument(TypedDict):
    """A file that a job has left."""

    name: str
    """Its name: a relative path, such as `report.pdf` or `pages/1.png`."""
    size: int
    """Size in bytes."""
    media_type: str
    """Media type, by the end of the name; application/octet-stream if that tells nothing."""
    sha256: str
    """SHA-256 of the file, in hexadecimal; the Etag of a download is this in double quotes."""
    url: str
    """Path of the file in this service."""


class FilesDocument(TypedDict):
    """The files that a job has left."""

    files: list[FileDocument]
    """All files, sorted by name; none as long as the job has not succeeded."""


class KnownFileDocument(TypedDict):
    """A file that some job was given or has left."""

    sha256: str
    """SHA-256 of the file, in hexadecimal."""
    size: int
    """Size in bytes."""
    job_id: Id
    """Id of one of the jobs that have the file."""
