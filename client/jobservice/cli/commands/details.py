"""Commands about one job: `show`, `explain`, `open`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from jobservice.cli import completion, exits, ids
from jobservice.cli.command import command
from jobservice.cli.output import analysis_tables, estimates, formats
from jobservice.cli.output.console import Cell, Output, status_cell
from jobservice.cli.parameters import argument
from jobservice.cli.session import Session
from jobservice.json_values import JsonValue

if TYPE_CHECKING:
    from jobservice import Job, JobData

JobId = Annotated[
    str,
    argument(
        "ID", "Id of a job, or 4 digits of its beginning or end.", autocompletion=completion.job_ids
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "show", ("show 6af1b43d", "show 6af1b43d --json"))(show)
    command(app, "explain", ("explain 6af1b43d",))(explain)
    command(app, "open", ("open 6af1b43d", "open"))(open_page)


def show(session: Session, job_id: JobId) -> None:
    """Show a job: its options, attempts, and its result or error.

    The exit code is 0, however the job ended; `jobservice wait` tells this.
    """
    job = session.client.get(ids.resolve(session.client, job_id))
    if session.output.as_json:
        session.output.document(job.data.raw)
        return
    _show_fields(session.output, job)
    _show_attempts(session.output, job)
    _show_outcome(session.output, job)


def _show_fields(output: Output, job: "Job") -> None:
    data = job.data
    file = f"{data.upload.name}, {formats.size(data.upload.size)}" if data.upload else None
    fields: dict[str, Cell | None] = {
        "job": job.id,
        "type": data.type,
        "status": status_cell(job.status),
        "file": file,
        "queue": data.queue + (f", priority {data.priority}" if data.priority else ""),
        "schedule": f"{data.schedule}, due at {formats.moment(data.nominal_at)}"
        if data.schedule
        else None,
        "tags": ", ".join(data.tags),
        "metadata": _json(data.metadata),
        "after": ", ".join(data.after),
        "if they fail": data.on_failure,
        "input from": data.input["from"] if data.input else None,
        "expires": formats.moment(data.expires_at),
        "finish by": _deadline(data),
        "backoff": _json(data.backoff),
        "concurrency key": data.concurrency_key
        and f"{data.concurrency_key} (at most {data.max_per_key} at once)",
        "unique key": data.unique_key and f"{data.unique_key} ({data.unique})",
        "memory": _at_most(formats.size(data.memory_bytes)),
        "CPU time": _at_most(formats.duration(data.cpu_seconds)),
        "output": _at_most(formats.size(data.max_output_bytes)),
        "niceness": None if data.nice is None else str(data.nice),
        "kept for": formats.duration(data.keep_for),
        "created": formats.moment(data.created_at)
        + (f" by {data.submitted_by}" if data.submitted_by else ""),
        "not before": formats.moment(data.run_at) if job.status == "queued" else None,
        "started": formats.moment(data.started_at),
        "finished": formats.moment(data.finished_at),
        "ran": formats.run_time(data),
        "timeout": formats.duration(data.timeout),
        "retries": f"{data.retry_count} of {data.max_retries}" if data.retry_count else None,
        "losses": f"{data.loss_count} of {data.max_losses}" if data.loss_count else None,
        "canceled by": data.canceled_by,
        "runner": data.runner,
        "payload": json.dumps(data.payload, ensure_ascii=False),
        "progress": _json(data.progress) if job.status == "running" else None,
    }
    output.fields((name, value) for name, value in fields.items() if value)


def _deadline(data: "JobData") -> str | None:
    missed = ", missed" if data.missed_at else ""
    return f"{formats.moment(data.finish_by)}{missed}" if data.finish_by else None


def _at_most(limit: str) -> str:
    return limit and f"at most {limit}"


def _json(value: JsonValue) -> str | None:
    return json.dumps(value, ensure_ascii=False) if value else None


def _show_attempts(output: Output, job: "Job") -> None:
    attempts = job.data.attempts
    if not attempts:
        return
    rows: list[list[Cell]] = [
        [
            str(each.attempt),
            each.outcome or "running",
            formats.moment(each.started_at),
            formats.duration(each.seconds),
            formats.duration(each.cpu_seconds),
            formats.size(each.peak_memory_bytes),
            each.runner,
        ]
        for each in attempts
    ]
    columns = ["ATTEMPT", "OUTCOME", "STARTED", "RAN", "CPU", "MEMORY", "RUNNER"]
    output.line()
    output.table(columns, rows, right=["ATTEMPT", "RAN", "CPU", "MEMORY"])


def _show_outcome(output: Output, job: "Job") -> None:
    data = job.data
    newest = data.attempts[-1] if data.attempts else None
    if data.error:
        error = f"{data.error.type}: {data.error.message}"
        traceback = newest.traceback.rstrip() if newest and newest.traceback else ""
        if not traceback.endswith(error):
            output.line(f"\n{error}")
        if traceback:
            output.line(f"\n{traceback}")
    if newest and newest.last_lines:
        output.line("\nlast lines of output:")
        for line in newest.last_lines:
            output.line(f"  {line}")
    if data.status == "succeeded":
        output.line()
        if data.type == "analyze" and isinstance(data.result, dict) and "counts" in data.result:
            analysis_tables.show(output, data.result)
        else:
            output.value(data.result)


def explain(session: Session, job_id: JobId) -> None:
    """Explain why a job does not run yet, and when it may start."""
    output = session.output
    job = session.client.get(ids.resolve(session.client, job_id))
    document = dict(job.explain())
    if output.as_json:
        output.document(document)
        return
    if document["status"] in exits.OF_STATUS:
        status = document["status"]
        reason = document["reasons"][0]["detail"].removeprefix(f"the job is {status}")
        output.line(f"{job.id} has ended: {status}{formats.with_moments(reason)}")
        return
    output.line(f"{job.id} is {document['status']}")
    estimates.show(output, document)


def open_page(
    session: Session,
    job_id: str | None = argument(
        "[ID]", "Job to open; without it, the overview.", None, autocompletion=completion.job_ids
    ),
) -> int:
    """Open the page of a job in the browser, and print its address."""
    import webbrowser

    output = session.output
    address = session.client.url + "/"
    if job_id is not None:
        job = session.client.get(ids.resolve(session.client, job_id))
        address += f"ui/jobs/{job.id}"
    is_open = webbrowser.open(address)
    if output.as_json:
        output.document({"url": address, "opened": is_open})
    else:
        output.line(address)
        if not is_open:
            output.report("no browser was found")
    return exits.SUCCEEDED if is_open else exits.FAILED
