"""`python -m storage transfer` copies all jobs to another database."""

import argparse
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from admin.commands.options import Subparsers, whole_number
from admin.commands.output import Progress, show
from admin.transfer.endpoints import open_source, open_target
from admin.transfer.file_copies import has_files, transfer_files
from admin.transfer.tables import BATCH_ROWS
from admin.transfer.transfer import TableComparison, Transfer
from storage.files.uploads import Uploads
from storage.open import open_uploads
from storage.records.counted import counted
from storage.records.job import StoreError
from storage.settings.settings import Settings
from storage.settings.url import (
    is_postgresql,
    split_hosts,
    sqlite_path,
    uploads_url_problem,
    url_problem,
)

ABOUT = """Copies all jobs, with their attempts, events, output, keys and callbacks, to another
database, which must be new or empty. Stop all listeners and workers first. If the command is
interrupted, run it again to continue. At the end, all rows of both databases are compared."""
EXIT_CODES = "exit codes: 0 all rows are equal, 1 rows differ or the transfer was refused, 2 usage"


def add(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "transfer",
        help="copy all jobs to another database",
        description=ABOUT,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser)
    parser.set_defaults(run=run, failed="not transferred")


def add_options(parser: argparse.ArgumentParser, is_hidden: bool = False) -> None:
    """Add the options of a transfer. Hidden ones are not shown, and none is required."""

    def add_option(name: str, help: str, **options: Any) -> None:
        parser.add_argument(name, help=argparse.SUPPRESS if is_hidden else help, **options)

    url: dict[str, Any] = {"type": _database_url, "required": not is_hidden, "metavar": "URL"}
    shown = "sqlite:////path or postgresql://…"
    add_option("--from", shown, dest="source", **url)
    add_option("--to", shown, dest="target", **url)
    add_option(
        "--data-dir",
        "DATA_DIR of the source's programs (default: DATA_DIR from the environment, else the "
        "folder of the SQLite file)",
        type=Path,
        metavar="FOLDER",
    )
    add_option(
        "--uploads-to",
        "also copy the stored files, and check their hashes; URL is the UPLOADS_URL of the "
        "new programs: file:///path or s3://bucket/prefix (default: files stay where they are)",
        type=_uploads_url,
        metavar="URL",
    )
    add_option(
        "--batch",
        "maximum number of rows per transaction (default: %(default)s)",
        type=whole_number,
        default=BATCH_ROWS,
        metavar="ROWS",
    )


def _database_url(text: str) -> str:
    if problem := url_problem(text):
        raise argparse.ArgumentTypeError(problem)
    return text


def _uploads_url(text: str) -> str:
    if problem := uploads_url_problem(text):
        raise argparse.ArgumentTypeError(problem)
    return text


def run(arguments: argparse.Namespace, _settings: Settings) -> int:
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
    name, takes_files = _identity(arguments.source), arguments.uploads_to is None
    transfer = Transfer(source, target, name, progress, arguments.batch, takes_files)
    compared = transfer.run()
    show(f"{counted(files, 'stored file')}, {copied:,} of them copied now")
    code = _report(compared)
    target.close()
    source.close()
    return code


def _places_of_uploads(folder: Path, target: str | None) -> tuple[Settings, Settings | None]:
    """Settings with the source's place of uploads, from the environment and DATA_DIR, and settings
    with the place to copy to. Raises SettingsError."""
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
    if not is_postgresql(url):
        return f"sqlite:///{sqlite_path(url).resolve()}"
    alone, others = split_hosts(url)
    parts, hosts = urlparse(alone), "".join(others)
    query = [each for each in parts.query.split("&") if each.startswith(("host=", "port="))]
    return f"postgresql://{hosts or parts.netloc.rpartition('@')[2]}{parts.path}?{'&'.join(query)}"


def _data_dir(url: str) -> Path:
    if not (is_postgresql(url) or os.environ.get("DATA_DIR")):
        return sqlite_path(url).parent
    return Settings.read().data_dir


def _report(compared: list[TableComparison]) -> int:
    """Print the comparison of all tables; return the exit code."""
    if not compared:
        show("nothing to do: all rows were transferred before")
        return 0
    show(f"{'table':<16}{'source':>12}{'target':>12}")
    for each in compared:
        verdict = "same" if each.same else "DIFFERENT"
        show(f"{each.table:<16}{each.source:>12,}{each.target:>12,}  {verdict}")
    return 0 if all(each.same for each in compared) else 1
