"""The worker program, `python -m runner`: reads its settings, then runs or checks a worker."""

import argparse
import socket
import sys
from typing import TYPE_CHECKING

from runner.supervisor.heartbeat import Heartbeat
from storage.files.private import create_privately
from storage.settings.child import read_in_child
from storage.settings.url import load_peewee

if TYPE_CHECKING:
    from runner.config import RunnerSettings


def main() -> None:
    """Run a worker; with --health, check the one on this host instead."""
    settings = read_in_child(_settings)
    create_privately()
    load_peewee(settings.store_url)
    from runner.worker import run_worker  # imported late: health checks, every few seconds, skip it

    run_worker(settings, _heartbeat(settings))


def _settings() -> "RunnerSettings":
    """Read arguments and settings. Exits if they are invalid, or after --help or --health."""
    from runner.config import RunnerSettings  # imported late: the worker process needs no Pydantic
    from storage.telemetry.start_up import read_or_exit

    parser = argparse.ArgumentParser(
        prog="python -m runner",
        description="Runs jobs in processes. Settings come from the environment:",
        epilog=RunnerSettings.help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--health", action="store_true", help="exit with 0 if the worker on this host is healthy"
    )
    arguments = parser.parse_args()
    settings = read_or_exit(RunnerSettings)
    if arguments.health:
        sys.exit(_heartbeat(settings).problem())
    return settings


def _heartbeat(settings: "RunnerSettings") -> Heartbeat:
    return Heartbeat(settings.data_dir / "runners", socket.gethostname())


if __name__ == "__main__":
    main()
