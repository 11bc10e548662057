"""The worker as a program: reads its settings, then works, or tells whether it is well."""

import argparse
import socket
import sys

from runner.config import RunnerSettings
from runner.heartbeat import Heartbeat
from storage.config import read_or_exit
from storage.drivers import load_peewee


def main() -> None:
    """Run the worker, or tell whether the one on this host is well."""
    parser = argparse.ArgumentParser(
        prog="python -m runner",
        description="Runs jobs in processes. Settings come from the environment:",
        epilog=RunnerSettings.help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--health", action="store_true", help="exit 0 if the worker here is well")
    arguments = parser.parse_args()
    settings = read_or_exit(RunnerSettings)
    heartbeat = Heartbeat(settings.data_dir / "runners", socket.gethostname())
    if arguments.health:
        sys.exit(0 if heartbeat.is_fresh() else "the worker's loop does not turn")
    load_peewee(settings.store_url)
    from runner.worker import work  # not above: a check each few seconds would load it for nothing

    work(settings, heartbeat)


if __name__ == "__main__":
    main()
