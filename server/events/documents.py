"""The queries, documents and frames of events and job output.

Their field names and formats are defined here; the formats of jobs are in
`server.documents.job_documents`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast
from uuid import UUID

from pydantic import Field

from server.documents.filters import Query, Whole
from server.documents.job_documents import public_result, rfc3339
from server.documents.options.tags import WantedTags
from server.documents.schemas.common import Error
from server.documents.schemas.events import (
    CallbackDocument,
    DeadlineDocument,
    EndDocument,
    EventDocument,
    OutputDocument,
    ResultDocument,
)
from server.documents.schemas.file_schemas import LogLevel, LogsDocument, LogStream, Piece
from server.events.log_entries import (
    EntryFilter,
    entries,
    entries_of_piece,
    entry_document,
    merged,
)
from server.http.response import encode_json
from storage.jobs.events import Event, newest_event
from storage.jobs.output import OutputPiece
from storage.records.ids import is_in_batch
from storage.records.job import Job
from storage.records.json_values import JsonValue
from storage.records.states import Status

MAX_RESULT_BYTES = 64 << 10
"""The largest result in a callback and in the end of a stream, as JSON."""


@dataclass(frozen=True)
class StreamEvent:
    """An event as it is sent to clients. `final` is the job's status if this event ended it."""

    version: int
    frame: bytes
    final: Status | None = None


class JobEventsQuery(Query):
    """The query parameters of the event stream of one job."""

    last_event_id: Whole | None = Field(
        None,
        ge=0,
        lt=2**63,
        description="send only later events; same as the header Last-Event-ID",
    )

    stream_token: str | None = Field(
        None, description="instead of a token in a header: the answer of POST /stream-tokens"
    )

    def matches(self, event: Event) -> bool:
        """Return whether an event passes the filters of this query."""
        return True


class EventsQuery(JobEventsQuery):
    """The query parameters of the event stream of all jobs."""

    REPEATABLE: ClassVar = frozenset({"tag"})

    type: str | None = Field(None, description="only jobs of this type")
    queue: str | None = Field(None, description="only jobs of this queue")
    tag: WantedTags | None = Field(
        None, description="only jobs with this tag, or with all of these"
    )
    batch: UUID | None = Field(None, description="only jobs of this batch, by its id")
    status: Status | None = Field(None, description="only changes to this status")

    def matches(self, event: Event) -> bool:
        """Return whether an event passes all filters: type, queue, batch, tags and status."""
        wanted = self.type, self.queue, self.status
        actual = event.type, event.queue, event.status
        has_tags = set(self.tag or ()).issubset(event.tags)
        in_batch = self.batch is None or is_in_batch(event.job_id, self.batch)
        return (
            has_tags
            and in_batch
            and all(one in (None, other) for one, other in zip(wanted, actual, strict=True))
        )


class LogsQuery(Query):
    """The query parameters of a job's output."""

    attempt: Whole | None = Field(
        None, ge=1, lt=2**31, description="number of the attempt; the newest by default"
    )
    level: LogLevel | None = Field(
        None, description="only log entries of this level or a higher one"
    )
    stream: LogStream | None = Field(
        None, description="only what was printed to stdout or stderr, or logged (log)"
    )

    @property
    def selected(self) -> EntryFilter:
        """The entries that the query selects."""
        return EntryFilter(self.level, self.stream)


def event_document(event: Event) -> EventDocument:
    """Build the document of one change of a job."""
    return {
        "job_id": str(event.job_id),
        "type": event.type,
        "queue": event.queue,
        "tags": list(event.tags),
        "status": event.status,
        "attempt": event.attempt,
        "runner": event.runner,
        "progress": event.progress,
        "error": cast("Error | None", event.error),
        "created_at": rfc3339(event.created_at),
        "run_at": rfc3339(event.run_at),
        "started_at": rfc3339(event.started_at),
        "finished_at": rfc3339(event.finished_at),
        "cancel_requested_at": rfc3339(event.cancel_requested_at),
        "version": event.version,
    }


def stream_event(item: Event | OutputPiece) -> StreamEvent:
    """Convert a change of a job, or a piece of an attempt's output, to a stream event."""
    if isinstance(item, Event):
        final = item.status if item.final else None
        if item.is_missed:
            missed: DeadlineDocument = {
                **event_document(item),
                "finish_by": rfc3339(item.finish_by),
            }
            return StreamEvent(item.version, _frame("deadline", missed, item.version), final)
        name = "progress" if item.is_progress else "status"
        return StreamEvent(item.version, _frame(name, event_document(item), item.version), final)
    document: OutputDocument = {
        "job_id": str(item.job_id),
        "attempt": item.attempt,
        "position": item.position,
        "text": item.text.decode(errors="replace"),
        "entries": [entry_document(entry) for entry in entries_of_piece(item.piece)],
    }
    return StreamEvent(item.version, _frame("log", document, item.version))


def callback_body(job: Job) -> bytes:
    """Build the body of the callback for a final job."""
    assert job.finished_at is not None
    message: CallbackDocument = {
        "type": cast("Any", f"job.{job.status}"),
        "timestamp": rfc3339(job.finished_at),
        "data": {**event_document(newest_event(job)), **_result_document(job)},
    }
    return encode_json(message)


def _result_document(job: Job | None) -> ResultDocument:
    """Build what a job has left; None for a job that was deleted."""
    metadata, result = (job.metadata, public_result(job)) if job else (None, None)
    fits = len(encode_json(result)) <= MAX_RESULT_BYTES
    return {
        "metadata": metadata,
        "result": result if fits else None,
        "result_left_out": not fits,
    }


def output_document(
    job_id: UUID, attempt: int, stored: Sequence[OutputPiece], selected: EntryFilter
) -> LogsDocument:
    """Build the document of an attempt's stored output; adjacent pieces are merged."""
    joined = merged(each.piece for each in stored)
    pieces: list[Piece] = [
        {"position": each.position, "text": each.text.decode(errors="replace")} for each in joined
    ]
    end = max((each.end for each in joined), default=0)
    version = max((piece.version for piece in stored), default=0)
    return {
        "job_id": str(job_id),
        "attempt": attempt,
        "bytes": end,
        "pieces": pieces,
        "entries": [entry_document(entry) for entry in entries(joined, selected)],
        "version": version,
    }


def output_text(stored: Sequence[OutputPiece], selected: EntryFilter) -> bytes:
    """Return an attempt's stored output, or the selected entries of it, as text.

    In all output, a line marks each gap.
    """
    joined = merged(each.piece for each in stored)
    if selected:
        return b"".join(_line(entry.text) for entry in entries(joined, selected))
    text, end = b"", 0
    for piece in joined:
        if piece.position > end:
            text += b"\n[%d bytes are not kept]\n" % (piece.position - end)
        text, end = text + piece.text, piece.end
    return text


def output_lines(stored: Sequence[OutputPiece], selected: EntryFilter) -> bytes:
    """Return the selected entries of an attempt's stored output as JSON, one on each line."""
    found = entries(merged(each.piece for each in stored), selected)
    return b"".join(encode_json(entry_document(entry)) for entry in found)


def _line(text: bytes) -> bytes:
    return text if text.endswith(b"\n") else text + b"\n"


def end_frame(job_id: UUID, status: Status | None, job: Job | None) -> bytes:
    """Return the last frame of a job's stream; the status is None if the job was deleted.

    The job is None if it was deleted or retried since.
    """
    document: EndDocument = {"job_id": str(job_id), "status": status, **_result_document(job)}
    return _frame("end", document)


def opening_frame(version: int, retry_ms: int) -> bytes:
    """Return the first frame of a stream: the reconnection delay, and the id of the last event."""
    return f"retry: {retry_ms}\nid: {version}\n\n".encode()


def _frame(name: str, document: Mapping[str, JsonValue], version: int | None = None) -> bytes:
    """Return a server-sent event. Its JSON fits in one `data` line, as it has no line breaks."""
    event_id = b"" if version is None else b"id: %d\n" % version
    return b"event: %s\n%sdata: %s\n" % (name.encode(), event_id, encode_json(document))
