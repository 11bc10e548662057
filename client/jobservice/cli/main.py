"""The command `jobservice`: its commands, its options, and its help, which fits on one screen."""

import difflib
import os
import sys
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, cast

import typer
from typer.core import TyperGroup

from jobservice.cli import completion, exits, program
from jobservice.cli.command import CommonOptions
from jobservice.cli.commands import (
    analyze,
    audit,
    batches,
    bundles,
    changes,
    details,
    diff,
    failures,
    files,
    follow,
    lines,
    lists,
    pattern_sets,
    queues,
    report,
    schedules,
    submit,
    types,
    upload,
    whoami,
)
from jobservice.cli.output.console import Output
from jobservice.cli.parameters import flag, option

HELP = """\
Usage: {name} [OPTIONS] COMMAND [ARGS]...
Commands of a Job Service (`{name} COMMAND --help` explains each):
{commands}
Options of all commands: --json, --help, --version, --install-completion,
  --show-completion, --url URL (default: JOBS_URL)
Examples:
  {name} submit sleep seconds=5 --wait
  {name} analyze app.log -p ERROR -p WARN
  {name} list --status failed --json
"""


UsageError = cast(
    "type[typer.BadParameter]",
    next(each for each in typer.BadParameter.__mro__ if each.__name__ == "UsageError"),
)
"""The base of all errors in a command line. Typer publishes only this subclass."""


class JobsGroup(TyperGroup):
    """The group of all commands. Its help has two columns of commands."""

    def main(self, args: Sequence[str] | None = None, **options: Any) -> Any:  # type: ignore[override]
        """Run a command line. With --json, an error in it is reported as JSON, like all others."""
        arguments = sys.argv[1:] if args is None else list(args)
        if "--json" not in arguments:
            return super().main(arguments, **options)
        try:
            code = super().main(arguments, **{**options, "standalone_mode": False})
        except UsageError as error:
            message = error.format_message()
            Output(as_json=True).error(exits.CommandError(message, exits.USAGE))
            code = exits.USAGE
        sys.exit(code or exits.SUCCEEDED)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find a command. The error for an unknown one says how to submit such a job."""
        try:
            return super().resolve_command(ctx, args)
        except UsageError as error:
            if args[0] in REMOVED:
                error.message = f"the command {args[0]} was removed: {REMOVED[args[0]]}"
            elif "Did you mean" not in error.message:
                (name,) = difflib.get_close_matches(args[0], ["sleep"], 1) or [args[0]]
                error.message += f" To submit a job: `{program.name()} submit {name}`"
            raise

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """The names of all commands, in the order of the help and of completion."""
        return list(ABOUT)

    def get_help(self, ctx: typer.Context) -> str:  # type: ignore[override]
        """The help, within 24 lines of 80 columns."""
        cells = [f"{name:<9} {about}" for name, about in ABOUT.items()]
        rows = -(-len(cells) // 2)
        lines = [
            f"  {left:<40}{right}".rstrip()
            for left, right in zip_longest(cells[:rows], cells[rows:], fillvalue="")
        ]
        return HELP.format(name=program.name(), commands="\n".join(lines)).rstrip()


ABOUT = {
    "submit": "submit a job",
    "upload": "send a large file",
    "analyze": "count texts in files",
    "list": "list jobs",
    "show": "show a job",
    "watch": "follow changes",
    "logs": "print the output of a job",
    "lines": "print lines of a job's file",
    "files": "list files of a job",
    "download": "download files of a job",
    "wait": "wait for jobs",
    "cancel": "cancel jobs",
    "retry": "run failed jobs again",
    "change": "change queued jobs",
    "delete": "delete jobs that have ended",
    "failures": "group failed jobs by error",
    "explain": "why a job does not run yet",
    "diff": "compare two analyses",
    "report": "analysis as HTML or CSV",
    "range": "explain a time of a log",
    "open": "open a job in the browser",
    "queues": "list and change queues",
    "uploads": "list and delete uploads",
    "batches": "many jobs at once",
    "schedules": "run jobs at set times",
    "types": "list job types",
    "pattern-sets": "save patterns by name",
    "audit": "who has changed what",
    "bundle": "all about a job, as a zip",
    "replay": "run a bundle's job again",
    "whoami": "your name, role and quotas",
}
"""The commands in the order of the help, which shows these words."""
REMOVED = {
    "config": "set JOBS_URL and JOBS_TOKEN; `whoami` shows the address",
    "top": "use the web page, `watch`, `queues` or `list --status running`",
}
"""Commands of earlier releases, and what serves instead."""

app = typer.Typer(
    cls=JobsGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from jobservice import __version__

        sys.stdout.write(f"{program.name()} {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    url: str | None = option("--url", "URL", ""),
    as_json: bool = flag("--json", ""),
    version: bool = option("--version", None, "", False, callback=_print_version, is_eager=True),
) -> None:
    """Submit jobs to a Job Service, follow them, and cancel them."""
    context.obj = CommonOptions(as_json, url)


for module in (
    submit,
    upload,
    analyze,
    lists,
    follow,
    changes,
    details,
    lines,
    files,
    diff,
    report,
    audit,
    bundles,
    whoami,
):
    module.register(app)
app.add_typer(failures.app, name="failures")
app.add_typer(queues.app, name="queues")
app.add_typer(upload.uploads_app, name="uploads")
app.add_typer(batches.app, name="batches")
app.add_typer(schedules.app, name="schedules")
app.add_typer(types.app, name="types")
app.add_typer(pattern_sets.app, name="pattern-sets")


def main() -> None:
    """Run the command of `sys.argv`, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # such as bars in an encoding without them
    if any("completion" in argument for argument in sys.argv):
        completion.complete_at_the_first_tab()
        completion.take_named_shell(sys.argv, os.environ)
    app(prog_name=program.name(), complete_var=program.completion_variable(os.environ))
