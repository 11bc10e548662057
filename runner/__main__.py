"""The worker as a program: reads its settings, then works, or tells whether it is well."""

import argparse
import socket
import sys
from typing import TYPE_CHECKING

from runner.supervisor.heartbeat import Heartbeat
from storage.settings.child import read_in_child
from storage.settings.url import load_peewee

if TYPE_CHECKING:
    from runner.config import RunnerSettings


def main() -> None:
    """Run the worker, or tell whether the one on this host is well."""
    settings = read_in_child(_settings)
    load_peewee(settings.store_url)
    from runner.worker import work  # not above: a check each few seconds would load it for nothing

    work(settings, _heartbeat(settings))


def _settings() -> "RunnerSettings":
    """Read arguments and settings. Exits where they are wrong, or ask for something else."""
    from runner.config import RunnerSettings  # not above: the worker itself does without Pydantic
    from storage.settings.settings import read_or_exit

    parser = argparse.ArgumentParser(
        prog="python -m runner",
        description="Runs jobs in processes. Settings come from the environment:",
        epilog=RunnerSettings.help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--health", action="store_true", help="exit 0 if the worker here is well")
    arguments = parser.parse_args()
    settings = read_or_exit(RunnerSettings)
    if arguments.health:
        sys.exit(0 if _heartbeat(settings).is_fresh() else "the worker's loop does not turn")
    return settings


def _heartbeat(settings: "RunnerSettings") -> Heartbeat:
    return Heartbeat(settings.data_dir / "runners", socket.gethostname())


if __name__ == "__main__":
    main()
