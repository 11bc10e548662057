"""Command line of the store.

`python -m storage migrate` copies all jobs to another database, `python -m storage vacuum` makes a
SQLite file smaller, `python -m storage contract` drops what only the previous release needs.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlparse

from storage.db.schema.migrate import contract
from storage.files.private import create_privately
from storage.files.uploads import Uploads
from storage.open import open_uploads
from storage.records.job import StoreError
from storage.records.release import RELEASE
from storage.settings.settings import Settings, SettingsError
from storage.settings.url import is_postgresql, uploads_url_problem, url_problem
from storage.telemetry.logs import set_up_logs
from storage.telemetry.start_up import read_or_exit
from storage.transfer.endpoints import open_source, open_target
from storage.transfer.files import has_files, transfer_files
from storage.transfer.tables import BATCH_ROWS
from storage.transfer.transfer import TableComparison, Transfer
from storage.transfer.vacuum import vacuum

ABOUT = """Copies all jobs, with their attempts, events, output, keys and callbacks, to another
database, which must be new or empty. Stop all listeners and workers first. If the command is
interrupted, run it again to continue. At the end, all rows of both databases are compared."""
ABOUT_VACUUM = """Gives the free space in the SQLite file of DATABASE_URL or DATA_DIR back to the
disk. Stop all listeners and workers first. It needs as much free disk space as the jobs take."""
ABOUT_CONTRACT = """Drops what only the previous release needs from the database of DATABASE_URL or
DATA_DIR: indexes, triggers, tables and columns. That release can no longer use the database then.
Stop all listeners and workers first."""
EXIT_CODES = "exit codes: 0 all rows are equal, 1 rows differ or the transfer was refused, 2 usage"


def main() -> None:
    """Run the command and exit."""
    parser = argparse.ArgumentParser(
        prog="python -m storage", description="Tools for the job store."
    )
    parser.add_argument("--version", action="version", version=f"job-service {RELEASE}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    migrate = commands.add_parser(
        "migrate",
        help="copy all jobs to another database",
        description=ABOUT,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_options(migrate)
    commands.add_parser("vacuum", help="make a SQLite file smaller", description=ABOUT_VACUUM)
    commands.add_parser(
        "contract", help="drop what only the previous release needs", description=ABOUT_CONTRACT
    )
    arguments = parser.parse_args()
    settings = read_or_exit(Settings)
    create_privately()
    set_up_logs(settings.log_level, settings.log_format, "storage")
    try:
        if arguments.command == "migrate":
            sys.exit(_migrate(arguments))
        sys.exit(_vacuum(settings) if arguments.command == "vacuum" else _contract(settings))
    except (StoreError, SettingsError) as error:
        done = {"migrate": "transferred", "vacuum": "made smaller", "contract": "contracted"}
        sys.exit(f"not {done[arguments.command]}: {error}")


def _add_options(parser: argparse.ArgumentParser) -> None:
    url = "sqlite:////path or postgresql://…"
    for option, dest in (("--from", "source"), ("--to", "target")):
        parser.add_argument(
            option, dest=dest, type=_database_url, required=True, metavar="URL", help=url
        )
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="FOLDER",
        help="DATA_DIR of the source's programs (default: DATA_DIR from the environment, else the "
        "folder of the SQLite file)",
    )
    parser.add_argument(
        "--uploads-to",
        type=_uploads_url,
        metavar="URL",
        help="also copy the stored files, and check their hashes; URL is the UPLOADS_URL of the "
        "new programs: file:///path or s3://bucket/prefix (default: files stay where they are)",
    )
    parser.add_argument(
        "--batch",
        type=_rows,
        default=BATCH_ROWS,
        metavar="ROWS",
        help="maximum number of rows per transaction (default: %(default)s)",
    )


def _database_url(text: str) -> str:
    if problem := url_problem(text):
        raise argparse.ArgumentTypeError(problem)
    return text


def _uploads_url(text: str) -> str:
    if problem := uploads_url_problem(text):
        raise argparse.ArgumentTypeError(problem)
    return text


def _rows(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("it must be a whole number, 1 or more")
    return int(text)


def _migrate(arguments: argparse.Namespace) -> int:
    """Run the transfer; return the exit code."""
    if _identity(arguments.source) == _identity(arguments.target):
        raise StoreError("--from and --to are the same database")
    folder = arguments.data_dir or _data_dir(arguments.source)
    places = _places_of_uploads(folder, arguments.uploads_to)
    progress = Progress()
    source = open_source(arguments.source, folder)
    files, copied = 0, 0
    if has_files(source):
        files, copied = transfer_files(source, *_open_uploads(*places), progress)
    target = open_target(arguments.target)
    transfer = Transfer(source, target, _identity(arguments.source), progress, arguments.batch)
    compared = transfer.run()
    _print(f"{files:,} stored files, {copied:,} of them copied now")
    code = _report(compared)
    target.close()
    source.close()
    return code


def _vacuum(settings: Settings) -> int:
    """Make the SQLite file smaller; return the exit code."""
    if is_postgresql(settings.store_url):
        raise StoreError("PostgreSQL reuses and frees space by itself, see docs/postgresql.md")
    file = Path(urlparse(settings.store_url).path[1:]).absolute()
    before, after = vacuum(file, settings.data_dir)
    _print(f"{file}: {before:,} bytes before, {after:,} bytes now")
    return 0


def _contract(settings: Settings) -> int:
    """Drop what only the previous release needs; return the exit code."""
    database = open_source(settings.store_url, settings.data_dir)
    try:
        dropped = contract(database, settings.data_dir)
    finally:
        database.close()
    for line in dropped:
        _print(f"dropped: {line}")
    if not dropped:
        _print("nothing to do: the database has nothing that only the previous release needs")
    return 0


def _places_of_uploads(folder: Path, target: str | None) -> tuple[Settings, Settings | None]:
    """Settings with the source's place of uploads, from the environment and DATA_DIR, and with that
    to copy to. Raises SettingsError."""
    environ = {**os.environ, "DATA_DIR": str(folder)}
    settings = Settings.read(environ)
    return settings, Settings.read({**environ, "UPLOADS_URL": target}) if target else None


def _open_uploads(source: Settings, target: Settings | None) -> tuple[Uploads, Uploads | None]:
    if source.uploads_folder and not source.uploads_folder.is_dir():
        raise StoreError(
            f"there is no uploads folder {source.uploads_folder}: give the right --data-dir"
        )
    return open_uploads(source), open_uploads(target) if target else None


def _identity(url: str) -> str:
    """A URL that identifies a database, without user and password."""
    parts = urlparse(url)
    if parts.scheme == "sqlite":
        return f"sqlite:///{Path(parts.path[1:]).resolve()}"
    query = [each for each in parts.query.split("&") if each.startswith(("host=", "port="))]
    return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}?{'&'.join(query)}"


def _data_dir(url: str) -> Path:
    parts = urlparse(url)
    if parts.scheme == "sqlite" and not os.environ.get("DATA_DIR"):
        return Path(parts.path[1:]).absolute().parent
    return Settings.read().data_dir


def _report(compared: list[TableComparison]) -> int:
    """Print the comparison of all tables; return the exit code."""
    if not compared:
        _print("nothing to do: all rows were transferred before")
        return 0
    _print(f"{'table':<16}{'source':>12}{'target':>12}")
    for each in compared:
        verdict = "same" if each.same else "DIFFERENT"
        _print(f"{each.table:<16}{each.source:>12,}{each.target:>12,}  {verdict}")
    return 0 if all(each.same for each in compared) else 1


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


class Progress:
    """Prints progress lines on a terminal, at most one per second."""

    def __init__(self) -> None:
        self._next_at = time.monotonic() + 1
        self._is_terminal = sys.stderr.isatty()

    def __call__(self, line: str) -> None:
        """Print a line if the last one is at least a second old."""
        if self._is_terminal and time.monotonic() >= self._next_at:
            self._next_at = time.monotonic() + 1
            sys.stderr.write(f"{line}\n")
