"""`jobservice batches` and its subcommands: many jobs at once."""

import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobservice.cli import exits, program
from jobservice.cli.command import command
from jobservice.cli.options import json_object, seconds
from jobservice.cli.output import formats
from jobservice.cli.output.console import Cell
from jobservice.cli.parameters import argument, flag, option
from jobservice.cli.session import Session
from jobservice.errors import ApiError, WaitTimeout
from jobservice.json_values import Json, JsonValue

if TYPE_CHECKING:
    from jobservice import BatchData, NewBatch

SHOWN_REFUSALS = 20
"""Refused jobs that are reported one by one."""
GRAPH_COLUMNS = ("NAME", "TYPE", "STATUS", "AFTER", "ID")
COLUMNS = ("BATCH", "CREATED", "JOBS", "STATE")
DEFAULT_LIMIT = 20
Limit = Annotated[int, option("--limit -n", "N", "At most so many batches.", ..., min=1)]
STATUSES = ("queued", "running", "succeeded", "failed", "canceled", "deleted")
BatchId = Annotated[str, argument("ID", "Id of a batch.")]
JobsFile = Annotated[
    str,
    argument("FILE", "Jobs as JSON lines or as a JSON array; - reads stdin."),
]
Wait = Annotated[bool, option("--wait -w", None, "Wait until all jobs have ended.", ...)]
MaxTime = Annotated[
    float | None,
    option("--timeout", "TIME", "Wait at most 90, 5m or 2h.", ..., parser=seconds),
]

app = typer.Typer(
    help="Submit many jobs at once, and follow them together.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

_EXAMPLE = '{"type": "sleep", "payload": {"seconds": 3}}'
_INDEX = re.compile(r"^job (\d+)\b|(?:^|(?<=; ))\[(\d+)\](?:\.|(?=: ))")
"""The index of a job in an error: of the client before its text, or of the service in a field."""


@dataclass
class BatchFile:
    """The jobs of a file, where each is, such as "line 2 of jobs.jsonl", and the job after them."""

    jobs: list[JsonValue]
    places: list[str]
    then: Json | None = None

    def with_places(self, text: str) -> str:
        """An error with the places of jobs instead of their indices."""
        return _INDEX.sub(self._place, text)

    def _place(self, found: re.Match[str]) -> str:
        index = int(found[1] or found[2])
        if index >= len(self.places):
            return found[0]
        place = self.places[index]
        if found[1]:
            return place
        return place if found[0].endswith("]") else f"{place}: "


def submit(
    session: Session,
    file: JobsFile,
    atomic: bool = flag("--atomic", "Submit no job if one is refused."),
    then: str | None = option(
        "--then", "JSON", "A job to run when all have ended.", parser=json_object
    ),
    wait: Wait = False,
    idempotency_key: str | None = option(
        "--idempotency-key", "KEY", "The same key gives the same batch."
    ),
) -> int:
    """Submit the jobs of a file, and print the id of their batch.

    Each job is an object such as {"type": "sleep", "payload": {"seconds": 3}, "priority": 5}.
    A file may also be {"jobs": [...], "then": {...}}. Jobs can have a name, which others have in
    after and input; then all are submitted or none. Jobs that are refused are reported. The exit
    code is then 1, although the others were submitted.
    """
    found = _read(file)
    if then is not None and found.then is not None:
        raise typer.BadParameter(f"{file} has a field then: leave out --then, or the field")
    last = found.then if then is None else then
    given: Json = {"atomic": atomic, "then": last, "idempotency_key": idempotency_key}
    if last is not None:
        _require_job(last, "then", "FILE" if then is None else "--then")
    batch = _submit(session, found, given)
    if wait:
        _report_refusals(session, found, batch)
        return max(_wait(session, batch.batch_id, None), int(bool(batch.refused)))
    if session.output.as_json:
        session.output.document(dict(batch.raw))
    else:
        _report_refusals(session, found, batch)
        session.output.line(batch.batch_id)
        session.output.hint(f"Follow it with: {program.name()} batches wait {batch.batch_id}")
    return exits.FAILED if batch.refused else exits.SUCCEEDED


def _submit(session: Session, found: BatchFile, given: Json) -> "NewBatch":
    """Submit the jobs of a file. Errors name the places of jobs in it."""
    try:
        return session.client.batches.submit(found.jobs, **given)
    except ApiError as error:
        error.detail = found.with_places(error.detail)
        raise
    except (TypeError, ValueError) as error:
        hint = "--then" if str(error).startswith("then") and found.then is None else "FILE"
        raise typer.BadParameter(found.with_places(str(error)), param_hint=hint) from None


def list_batches(session: Session, limit: Limit = DEFAULT_LIMIT) -> None:
    """List batches, newest first, with how far each is."""
    output, found = session.output, session.client.batches.list(limit=limit)
    if output.as_json:
        for each in found:
            output.item(dict(each.raw))
    elif rows := [_row(each) for each in found]:
        output.table(COLUMNS, rows)
    else:
        output.hint("No batches.")


def _row(batch: "BatchData") -> list[Cell]:
    created = formats.moment(batch.created_at) if batch.created_at else ""
    return [batch.batch_id, created, formats.number(batch.size), _counts(batch)]


def _counts(batch: "BatchData") -> str:
    """Say how far a batch is: 1 running, 7 succeeded."""
    counts = [(name, getattr(batch, name)) for name in (*STATUSES, "refused")]
    return ", ".join(f"{formats.number(count)} {name}" for name, count in counts if count)


def show(session: Session, batch_id: BatchId) -> int:
    """Show how many jobs of a batch have each status."""
    _report(session, session.client.batches.get(batch_id))
    return exits.SUCCEEDED


def graph(session: Session, batch_id: BatchId) -> int:
    """Show which jobs of a batch run after which."""
    output, found = session.output, session.client.batches.pipeline(batch_id)
    if output.as_json:
        output.document(dict(found.raw))
        return exits.SUCCEEDED
    names = {job.job_id: job.name or job.job_id for job in found.jobs}
    rows: list[list[Cell]] = [
        [job.name or "", job.type, job.status, _named(job.after, names), job.job_id]
        for job in found.jobs
    ]
    if (last := found.then) is not None:
        after = _named(("all others", *last.after), names)
        rows.append(["", last.type, last.status, after, last.job_id])
    if rows:
        output.table(GRAPH_COLUMNS, rows)
    else:
        output.hint("No job of this batch is left.")
    return exits.SUCCEEDED


def _named(ids: tuple[str, ...], names: dict[str, str]) -> str:
    return ", ".join(names.get(each, each) for each in ids)


def wait(session: Session, batch_id: BatchId, timeout: MaxTime = None) -> int:
    """Wait until no job of a batch is queued or running, and the job that follows has ended.

    The exit code is 1 if a job has failed or was canceled.
    """
    return _wait(session, batch_id, timeout)


def cancel(session: Session, batch_id: BatchId) -> int:
    """Cancel the queued and running jobs of a batch."""
    done = session.client.batches.cancel(batch_id)
    if session.output.as_json:
        session.output.document({"matched": done.matched, "changed": done.changed})
    else:
        session.output.line(f"{done.changed:,} of {formats.counted(done.matched, 'job')} changed")
    return exits.SUCCEEDED


def _wait(session: Session, batch_id: str, timeout: float | None) -> int:
    client, until = session.patient_client, None if timeout is None else time.monotonic() + timeout
    last = None
    try:
        batch = client.batches.wait(batch_id, timeout)
        if batch.then is not None:
            left = None if until is None else max(0.0, until - time.monotonic())
            last = client.get(batch.then).wait(left)
    except WaitTimeout as error:
        session.output.report(str(error))
        return exits.TIMEOUT
    _report(session, batch)
    if last is not None and last.status != "succeeded":
        session.output.report(f"the job that follows, {last.id}, has the status {last.status}")
        return exits.FAILED
    return exits.FAILED if batch.failed or batch.canceled else exits.SUCCEEDED


def _report(session: Session, batch: "BatchData") -> None:
    if session.output.as_json:
        session.output.document(dict(batch.raw))
        return
    session.output.line(f"{batch.batch_id}  {_counts(batch)}")


def _report_refusals(session: Session, found: BatchFile, batch: "NewBatch") -> None:
    """Say which jobs were refused, by their places in the file."""
    for refusal in batch.refusals[:SHOWN_REFUSALS]:
        place = found.places[refusal.index]
        session.output.report(f"{place} is refused: {refusal.detail}")
    if (more := len(batch.refusals) - SHOWN_REFUSALS) > 0:
        are = "job is" if more == 1 else "jobs are"
        session.output.report(f"{more:,} more {are} refused; --json names all")


def _read(file: str) -> BatchFile:
    """Read the jobs of a file; - is standard input. Says where a line or a job is wrong."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise _wrong(f"{file} cannot be read: {reason}") from None
    found = _parsed(text, "standard input" if file == "-" else file)
    for job, place in zip(found.jobs, found.places, strict=True):
        _require_job(job, place)
    return found


def _require_job(job: JsonValue, place: str, hint: str = "FILE") -> None:
    """Refuse what is no job; `hint` is the argument that holds it."""
    if not isinstance(job, dict) or not isinstance(job.get("type"), str):
        given = json.dumps(job, ensure_ascii=False)[:100]
        raise _wrong(f"{place} is not an object such as {_EXAMPLE}: {given}", hint)


def _parsed(text: str, name: str) -> BatchFile:
    if text.lstrip().startswith("["):
        return _listed(_parse(text, name), name)
    body = _body(text)
    if body is not None:
        if unknown := body.keys() - {"jobs", "then"}:
            raise _wrong(f"{name} has the unknown field {min(unknown)}: known are jobs and then")
        return _listed(body["jobs"], name, body.get("then"))
    lines = [(f"line {number} of {name}", line) for number, line in enumerate(text.split("\n"), 1)]
    given = [(place, line) for place, line in lines if line.strip()]
    return BatchFile([_parse(line, place) for place, line in given], [place for place, _ in given])


def _listed(jobs: list[JsonValue], name: str, then: Json | None = None) -> BatchFile:
    return BatchFile(jobs, [f"job {number} of {name}" for number in range(1, len(jobs) + 1)], then)


def _body(text: str) -> Json | None:
    """The text as the body of a request with a list of jobs, if it is one."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    is_body = isinstance(document, dict) and isinstance(document.get("jobs"), list)
    return document if is_body else None


def _parse(text: str, place: str) -> JsonValue:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _wrong(f"{place} is not JSON: {error}") from None


def _wrong(message: str, hint: str = "FILE") -> typer.BadParameter:
    return typer.BadParameter(message, param_hint=hint)


command(app, "submit", ("batches submit jobs.jsonl --wait", "batches submit - --atomic"))(submit)
command(app, "list", ("batches list --limit 5",))(list_batches)
command(app, "show", ("batches show 01a2107d-08cc-73f5-a3eb-bdc8e7038000",))(show)
command(app, "graph", ("batches graph 01a2107d-08cc-73f5-a3eb-bdc8e7038000",))(graph)
wait_examples = ("batches wait 01a2107d-08cc-73f5-a3eb-bdc8e7038000 --timeout 5m",)
command(app, "wait", wait_examples)(wait)
command(app, "cancel", ("batches cancel 01a2107d-08cc-73f5-a3eb-bdc8e7038000",))(cancel)
