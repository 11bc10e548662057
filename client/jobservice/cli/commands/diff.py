"""`jobservice diff`."""

from typing import Annotated

import typer

from jobservice.cli import completion, exits, ids
from jobservice.cli.command import command
from jobservice.cli.output import comparison_table
from jobservice.cli.parameters import argument, flag, option
from jobservice.cli.session import Session

EXAMPLES = (
    "diff 6af1b43d 7bc2",
    "diff 6af1b43d 7bc2 --fail-on new,more,gone,less",
    "diff 6af1b43d 7bc2 --all --json",
)
CHANGES = ("new", "more", "gone", "less")
Earlier = Annotated[
    str,
    argument("BEFORE", "The earlier job.", autocompletion=completion.job_ids),
]
Later = Annotated[str, argument("AFTER", "The later job.", autocompletion=completion.job_ids)]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "diff", EXAMPLES)(diff)


def diff(
    session: Session,
    before: Earlier,
    after: Later,
    fail_on: str = option(
        "--fail-on", "CHANGES", "Changes that give exit code 5, or none.", "new,more"
    ),
    alpha: float | None = option("--alpha", "P", "Level of significance; 0.05."),
    min_ratio: float | None = option("--min-ratio", "N", "Least factor that is a change; 1.5."),
    every: bool = flag("--all", "Show all counts."),
) -> int:
    """Compare two analyses, and show what has changed significantly.

    The exit code is 5 if something is new or more frequent. --fail-on names other changes:
    new, more, gone, less, separated by commas.
    """
    wanted = _changes(fail_on)
    client, output = session.client, session.output
    before_id, after_id = ids.resolve(client, before), ids.resolve(client, after)
    job = client.get(after_id)
    comparison = job.comparison(before_id, alpha=alpha, min_ratio=min_ratio)
    if output.as_json:
        output.document(comparison)
    else:
        comparison_table.show(output, comparison, every=every)
    is_different = any(comparison["changes"][each] for each in wanted)
    return exits.DIFFERENT if is_different else exits.SUCCEEDED


def _changes(text: str) -> list[str]:
    names = [] if text == "none" else text.split(",")
    for name in names:
        if name not in CHANGES:
            known = ", ".join(CHANGES)
            raise typer.BadParameter(f"{name!r} is no change; --fail-on takes {known}, or none")
    return names
