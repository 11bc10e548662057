"""Commands that change jobs: `cancel`, `retry`, `delete`, `change`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from jobservice.cli import exits, ids
from jobservice.cli.command import command
from jobservice.cli.options import Changes, Filters, JobIds, RequiredIds
from jobservice.cli.output import formats
from jobservice.cli.parameters import option
from jobservice.cli.session import Session
from jobservice.cli.waiting import confirm
from jobservice.json_values import Json

if TYPE_CHECKING:
    from jobservice import BulkChange

Every = Annotated[bool, option("--all", None, "All jobs, without a filter.", ...)]
Yes = Annotated[bool, option("--yes -y", None, "Do not ask.", ...)]
Downstream = Annotated[
    bool, option("--downstream", None, "Also those that were canceled because of them.", ...)
]
DryRun = Annotated[bool, option("--dry-run", None, "Only count the selected jobs.", ...)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    cancel_examples = ("cancel 6af1b43d 7bc2", "cancel --type analyze --queue nightly --dry-run")
    command(app, "cancel", cancel_examples)(cancel)
    retry_examples = (
        "retry 6af1b43d --downstream",
        "retry --status failed --after 2030-01-31 --yes",
    )
    command(app, "retry", retry_examples)(retry)
    command(app, "delete", ("delete 6af1b43d 7bc2",))(delete)
    change_examples = ("change 6af1b43d --priority 5", "change 6af1b43d --delay 0 --queue nightly")
    command(app, "change", change_examples)(change)


def cancel(
    session: Session,
    filters: Filters,
    job_ids: JobIds = None,
    every: Every = False,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Cancel jobs: the named ones, or all queued and running ones that filters select.

    With ids, the command ends when the processes of these jobs are gone.
    """
    return _change(session, "cancel", filters, job_ids, {}, every=every, yes=yes, dry_run=dry_run)


def retry(
    session: Session,
    filters: Filters,
    job_ids: JobIds = None,
    every: Every = False,
    downstream: Downstream = False,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Run failed and canceled jobs again: the named ones, or all that filters select."""
    more: Json = {"downstream": True} if downstream else {}
    return _change(session, "retry", filters, job_ids, more, every=every, yes=yes, dry_run=dry_run)


def delete(
    session: Session,
    job_ids: RequiredIds,
) -> int:
    """Delete jobs that have ended, with their files."""
    return _change_each(session, "delete", job_ids, {})


def change(session: Session, job_ids: RequiredIds, options: Changes) -> int:
    """Change options of jobs that are still queued. All are tried."""
    given = options.given()
    if not given:
        raise typer.BadParameter("give at least one option to change, such as --priority 5")
    output = session.output

    def change_one(job_id: str) -> None:
        job = session.client.get(job_id).change(**given)
        if output.as_json:
            output.item(job.data.raw)
        else:
            output.line(f"{job_id}  changed")

    return session.try_each(ids.resolve_all(session.client, job_ids), change_one)


def _change(
    session: Session,
    change: str,
    filters: Filters,
    job_ids: list[str] | None,
    more: Json,
    *,
    every: bool,
    yes: bool,
    dry_run: bool,
) -> int:
    """Change jobs; `more` are further arguments for the method of the client."""
    given = filters.given()
    if bool(job_ids) + bool(given) + every != 1:
        raise typer.BadParameter(f"name jobs to {change} by their ids, by filters, or with --all")
    if not job_ids:
        return _change_all(session, change, given, more, yes=yes, dry_run=dry_run)
    if dry_run and change == "cancel":
        return _count_canceled(session, job_ids)
    if dry_run:
        raise typer.BadParameter("--dry-run counts jobs that filters select, so it needs no ids")
    return _change_each(session, change, job_ids, more)


def _change_each(session: Session, change: str, job_ids: list[str], more: Json) -> int:
    """Change jobs one by one."""
    output = session.output

    def change_one(job_id: str) -> None:
        job = session.client.get(job_id)
        getattr(job, change)(**more)
        status = "deleted" if change == "delete" else job.status
        count = {"downstream": job.retried_with} if "downstream" in more else {}
        if output.as_json:
            output.item({"job_id": job_id, "status": status, **count})
        else:
            pending = ", cancel requested" if change == "cancel" and not job.is_final else ""
            others = f"; {_jobs(job.retried_with)} after it retried, too" if count else ""
            output.line(f"{job_id}  {status}{pending}{others}")

    return session.try_each(ids.resolve_all(session.client, job_ids), change_one)


def _count_canceled(session: Session, job_ids: list[str]) -> int:
    """Print how many waiting jobs would be canceled with each of these jobs."""
    output = session.output

    def count_one(job_id: str) -> None:
        job = session.client.get(job_id)
        count = job.count_canceled_with()
        if output.as_json:
            output.item({"job_id": job_id, "status": job.status, "downstream": count})
        else:
            output.line(f"{job_id}  {job.status}; {_jobs(count)} would be canceled with it")

    return session.try_each(ids.resolve_all(session.client, job_ids), count_one)


def _change_all(
    session: Session, change: str, filters: Json, more: Json, *, yes: bool, dry_run: bool
) -> int:
    """Change all jobs that filters select, after a question on a terminal."""
    client = session.client
    change_all = client.cancel_all if change == "cancel" else client.retry_all
    selected = {**filters, **({} if filters else {"all": True}), **more}
    return change_selected(session, change, change_all, selected, yes, dry_run)


def change_selected(
    session: Session,
    change: str,
    change_all: Callable[..., "BulkChange"],
    selected: Json,
    yes: bool,
    dry_run: bool,
) -> int:
    """Call a method of the client that changes many jobs, after a question on a terminal."""
    output = session.output
    if not dry_run and not yes:
        if not output.can_ask:
            raise typer.BadParameter("without a terminal to ask on, use --yes or --dry-run")
        found = change_all(**selected, dry_run=True)
        if not found.matched:
            output.hint("No jobs.")
            return exits.SUCCEEDED
        if not confirm(f"{change.capitalize()} {_jobs(found.matched)}?"):
            return exits.FAILED
    done = change_all(**selected, dry_run=dry_run)
    if output.as_json:
        output.document({"matched": done.matched, "changed": done.changed, "dry_run": done.dry_run})
    elif dry_run:
        output.line(f"{_jobs(done.matched)} would be changed")
    else:
        output.line(f"{done.changed:,} of {_jobs(done.matched)} changed")
    return exits.SUCCEEDED


def _jobs(count: int) -> str:
    return formats.counted(count, "job")
