"""`python -m storage support-bundle` packs what helps others to find a fault."""

import argparse
import os
import sys
import time

from admin.commands.options import Subparsers, add_env_file, use_env_file
from admin.commands.output import Progress
from storage.records.job import StoreError
from storage.settings.settings import Settings

ABOUT = """Writes a zip file with versions, settings without secrets, the findings of the doctor,
figures of the store, metrics, and the ends of logs. Payloads, results, errors, output and files of
jobs are left out. Programs may run meanwhile."""


def add(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "support-bundle", help="pack what helps others to find a fault", description=ABOUT
    )
    parser.add_argument(
        "--to",
        default=time.strftime("job-service-%Y%m%d-%H%M%S.zip"),
        metavar="FILE",
        help="the file to write, which must not exist; - for standard output (default: "
        "job-service-DATE-TIME.zip)",
    )
    parser.add_argument(
        "--log",
        action="append",
        default=[],
        metavar="FILE",
        help="a log of a listener or worker, - for standard input; can be repeated (default: the "
        "journal of systemd, if it has units of the service)",
    )
    add_env_file(parser)
    parser.set_defaults(run=_run, failed="no bundle was written", reads_settings=False)


def _run(arguments: argparse.Namespace, _settings: Settings | None) -> int:
    """Write the bundle; return the exit code."""
    from admin.doctor.findings.subject import Subject
    from admin.support_bundle.bundle import write_bundle  # not above: it loads both programs

    use_env_file(arguments)
    _require_logs(arguments.log)
    subject = Subject(os.environ)
    try:
        size = write_bundle(subject, arguments.to, arguments.log, Progress())
    except OSError as error:
        raise StoreError(f"{arguments.to}: {error.strerror or error}") from error
    finally:
        subject.close()
    sys.stderr.write(f"{size:,} bytes: {arguments.to}\n")
    return 0


def _require_logs(paths: list[str]) -> None:
    """Refuse logs that cannot be read. Raises StoreError."""
    for path in paths:
        try:
            if path != "-":
                open(path, "rb").close()
        except OSError as error:
            raise StoreError(f"--log {path}: {error.strerror}") from error
