"""`python -m storage doctor` examines settings, machine and store."""

import argparse
import math

from admin.commands.options import Subparsers, add_env_file, use_env_file
from admin.commands.output import show
from storage.settings.settings import Settings

ABOUT = """Examines settings, machine and store of this environment, in about two seconds, and says
for each finding why it matters and what mends it. Programs may run meanwhile, and nothing is
changed without --fix."""
EXIT_CODES = """exit codes: 0 no error was found, 1 an error was found (with --strict also a
warning), 2 usage"""


def add(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "doctor",
        help="examine settings, machine and store",
        description=ABOUT,
        epilog=EXIT_CODES,
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    parser.add_argument(
        "--thorough",
        action="store_true",
        help="check everything, however long it takes: all pages, all rows, all stored files",
    )
    parser.add_argument(
        "--fix",
        action="store_true",
        help="correct counters, and delete rows and files that belong to no job; then examine "
        "again; programs may run",
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 for warnings, too")
    parser.add_argument(
        "--chaos",
        type=_seconds,
        metavar="SECONDS",
        help="instead, kill and stop programs of a scratch store in DATA_DIR, or on the server of "
        "DATABASE_URL, for so long, and check what the service promises; 60 is a good start",
    )
    add_env_file(parser)
    parser.set_defaults(run=_run, failed="not done", reads_settings=False)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 1 <= value <= 86400:
        raise argparse.ArgumentTypeError("it must be a number of seconds, from 1 to 86400")
    return value


def _run(arguments: argparse.Namespace, _settings: Settings | None) -> int:
    """Print the findings; return the exit code."""
    from admin.doctor.command import run  # not above: it loads both programs

    use_env_file(arguments)
    return run(arguments, show)
