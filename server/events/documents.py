"""Events and logs as clients see them; with `wire`, the only place that knows such names."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from server.documents.job_schemas import LogsDocument, Piece
from server.documents.jobs import time
from server.events.stream import StreamEvent
from server.http.response import encode_json
from storage.jobs.events import Event, newest_event
from storage.jobs.output import OutputPiece
from storage.records.job import Job
from storage.records.states import Status


def event_document(event: Event) -> dict[str, Any]:
    """A change of a job."""
    return {
        "job_id": str(event.job_id),
        "type": event.type,
        "queue": event.queue,
        "status": event.status,
        "attempt": event.attempt,
        "runner": event.runner,
        "progress": event.progress,
        "error": event.error,
        "created_at": time(event.created_at),
        "run_at": time(event.run_at),
        "started_at": time(event.started_at),
        "finished_at": time(event.finished_at),
        "cancel_requested_at": time(event.cancel_requested_at),
        "version": event.version,
    }


def event_told(event: Event) -> StreamEvent:
    """The same as it stands in a stream."""
    name = "progress" if event.is_progress else "status"
    final = event.status if event.final else None
    return StreamEvent(event.version, _frame(name, event_document(event), event.version), final)


def callback_body(job: Job) -> bytes:
    """What a client is sent at the end of its job."""
    data = event_document(newest_event(job))
    message = {"type": f"job.{job.status}", "timestamp": time(job.finished_at), "data": data}
    return encode_json(message)


def output_told(part: OutputPiece) -> StreamEvent:
    """What an attempt has printed as it stands in a stream."""
    document = {
        "job_id": str(part.job_id),
        "attempt": part.attempt,
        "position": part.position,
        "text": part.text.decode(errors="replace"),
    }
    return StreamEvent(part.version, _frame("log", document, part.version))


def told(news: Event | OutputPiece) -> StreamEvent:
    """One or the other."""
    return event_told(news) if isinstance(news, Event) else output_told(news)


def logs_document(job_id: UUID, attempt: int, parts: Sequence[OutputPiece]) -> LogsDocument:
    """What is kept of all that an attempt has printed, in pieces without gaps."""
    pieces: list[Piece] = [
        {"position": p, "text": t.decode(errors="replace")} for p, t in _pieces(parts)
    ]
    end = max((part.position + len(part.text) for part in parts), default=0)
    version = max((part.version for part in parts), default=0)
    return {
        "job_id": str(job_id),
        "attempt": attempt,
        "bytes": end,
        "pieces": pieces,
        "version": version,
    }


def logs_text(parts: Sequence[OutputPiece]) -> bytes:
    """The same as text; a line tells of what is missing."""
    text, end = b"", 0
    for position, piece in _pieces(parts):
        if position > end:
            text += b"\n[%d bytes are not kept]\n" % (position - end)
        text, end = text + piece, position + len(piece)
    return text


def end_frame(job_id: UUID, status: Status | None) -> bytes:
    """The last of a job's stream; without a status, the job is there no more."""
    return _frame("end", {"job_id": str(job_id), "status": status})


def opening_frame(version: int, retry_ms: int) -> bytes:
    """The first of a stream: when to come again once it breaks, and the event it begins after."""
    return f"retry: {retry_ms}\nid: {version}\n\n".encode()


def _pieces(parts: Sequence[OutputPiece]) -> list[tuple[int, bytes]]:
    pieces: list[tuple[int, bytes]] = []
    for part in parts:
        if pieces and pieces[-1][0] + len(pieces[-1][1]) == part.position:
            position, text = pieces.pop()
            pieces.append((position, text + part.text))
        else:
            pieces.append((part.position, part.text))
    return pieces


def _frame(name: str, document: dict[str, Any], version: int | None = None) -> bytes:
    """A server-sent event. (JSON has no line breaks of its own.)"""
    number = b"" if version is None else b"id: %d\n" % version
    return b"event: %s\n%sdata: %s\n" % (name.encode(), number, encode_json(document))
