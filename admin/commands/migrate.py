"""`python -m storage migrate` brings the schema of the database up to date, or says what it would
do.

With `--from` and `--to`, the command still copies a store, as it did before `transfer` had a name
of its own.
"""

import argparse
import sys
from contextlib import closing
from textwrap import shorten

from admin.commands import transfer
from admin.commands.options import Subparsers
from admin.commands.output import show
from storage.db.database import APPLICATION_NAME, Database, open_engine
from storage.db.schema.migrate import bring_up_to_date, refuse_foreign
from storage.db.schema.plan import Plan, read_plan
from storage.db.schema.state import BEFORE_SCHEMA
from storage.records.counted import counted
from storage.records.job import StoreError
from storage.records.release import RELEASE
from storage.settings.settings import Settings

ABOUT = """Brings the schema of the database of DATABASE_URL or DATA_DIR up to date, as the next
start of a listener or worker would. Programs of the previous release may run meanwhile; they wait
for single migrations. With --dry-run, the command only says what it would do and about how long
that would take."""


def add(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "migrate", help="bring the schema up to date, or say what is to be done", description=ABOUT
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what is to be done, and how long it takes"
    )
    transfer.add_options(parser, is_hidden=True)
    parser.set_defaults(run=_run, failed="not migrated")


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Migrate, or show the plan; return the exit code."""
    if arguments.source or arguments.target:
        return _transfer(arguments, settings)
    folder, url = settings.data_dir, settings.store_url
    with closing(Database(open_engine(url, APPLICATION_NAME))) as database:
        if database.file and not database.file.exists():
            show("there is no database yet: the first start makes one")
            return 0
        refuse_foreign(database)
        plan = read_plan(database)
        for line in describe(plan):
            show(line)
        if plan.migrations and not arguments.dry_run:
            plan.state.require_compatible()
            bring_up_to_date(database, folder)
            show("done: the schema is up to date")
    return 0 if plan.state.is_compatible else 1


def _transfer(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.dry_run or not (arguments.source and arguments.target):
        raise StoreError("to copy a store, use `python -m storage transfer --from URL --to URL`")
    sys.stderr.write(
        "`migrate --from … --to …` is named `transfer` now; the old name still works\n"
    )
    arguments.failed = "not transferred"
    return transfer.run(arguments, settings)


def describe(plan: Plan) -> list[str]:
    """Return the lines that tell what a start would do."""
    found = plan.state
    if found.is_new:
        return ["the database is empty: the first start makes its tables"]
    lines = [f"this is release {RELEASE}, whose last migration is {found.last}"]
    if found.lacking:
        return [
            *lines,
            f"the database is of an earlier release: start release {BEFORE_SCHEMA} first",
        ]
    if found.newer:
        works = "which works with this release" if found.is_compatible else "and needs a newer one"
        lines.append(f"the database has migrations of a newer release, {works}: {found.newer[-1]}")
    for each in plan.migrations:
        seconds = f"about {round(each.seconds)} s" if each.seconds >= 1 else "at once"
        lines.append(f"  {each.name:<28} {seconds:<12} {shorten(each.about, 64, placeholder=' …')}")
    if plan.migrations:
        lines.append(
            f"{counted(len(plan.migrations), 'migration')}, about {max(plan.seconds, 1)} s;"
            f" afterwards, releases that have {plan.needs} still work with the database"
        )
    else:
        lines.append("nothing to do: the schema is up to date")
    for name in found.contractions:
        lines.append(f"  {name:<28} left to `python -m storage contract` or the next release")
    return lines
