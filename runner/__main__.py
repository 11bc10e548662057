"""The worker program, `python -m runner`: reads its settings, then runs or checks a worker, or
checks job types.

It imports in functions, because the imports take time: a signal that arrives meanwhile must stop
the program like any other.
"""

from storage.records.our_modules import shown_command
from storage.settings.packages import explained_imports
from storage.settings.stop_signals import StopSignals


def main() -> None:
    """Run a worker, or check the one on this host or job types instead."""
    signals = StopSignals()
    with explained_imports("runner"):
        _run(signals)


def _run(signals: StopSignals) -> None:
    import argparse
    import socket
    import sys

    from runner.config import RunnerSettings
    from runner.supervisor.heartbeat import Heartbeat
    from runner.types_command import add_types_command, check_types
    from storage.adoption import add_adopt_option, adopt_if_asked
    from storage.files.private import create_privately
    from storage.records.release import RELEASE
    from storage.settings.drivers import without_psycopg
    from storage.settings.url import is_postgresql
    from storage.telemetry.start_up import read_or_exit

    parser = argparse.ArgumentParser(
        prog=shown_command("runner"),
        description="Runs jobs in processes. Settings come from the environment:",
        epilog=RunnerSettings.help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"job-service {RELEASE}")
    parser.add_argument(
        "--health", action="store_true", help="exit with 0 if the worker on this host is healthy"
    )
    add_adopt_option(parser)
    add_types_command(parser)
    arguments = parser.parse_args()
    settings = read_or_exit(RunnerSettings)
    create_privately()
    if arguments.command == "types":
        sys.exit(check_types(arguments, settings, signals))
    heartbeat = Heartbeat(settings.data_dir / "runners", socket.gethostname())
    if arguments.health:
        sys.exit(heartbeat.problem())
    signals.exit_if_received()
    adopt_if_asked(arguments.adopt_uploads, settings)
    with without_psycopg(is_postgresql(settings.store_url)):
        from runner.worker import run_worker  # not above: health checks, every few seconds, skip it

    run_worker(settings, heartbeat, signals)


if __name__ == "__main__":
    main()
