"""The worker program, `python -m runner`: reads its settings, then runs or checks a worker.

It imports in functions, because the imports take time: a signal that arrives meanwhile must stop
the program like any other.
"""

from typing import TYPE_CHECKING

from storage.settings.stop_signals import StopSignals

if TYPE_CHECKING:
    from runner.config import RunnerSettings
    from runner.supervisor.heartbeat import Heartbeat


def main() -> None:
    """Run a worker; with --health, check the one on this host instead."""
    signals = StopSignals()
    _run(signals)


def _run(signals: StopSignals) -> None:
    from storage.files.private import create_privately
    from storage.settings.child import NoSettings, read_in_child
    from storage.settings.url import load_peewee

    try:
        settings = read_in_child(_settings)
    except NoSettings as error:
        from storage.telemetry.start_up import exit_before_settings

        exit_before_settings("worker", f"cannot start: {error}")
    signals.exit_if_received()
    create_privately()
    load_peewee(settings.store_url)
    from runner.worker import run_worker  # imported late: health checks, every few seconds, skip it

    run_worker(settings, _heartbeat(settings), signals)


def _settings() -> "RunnerSettings":
    """Read arguments and settings. Exits if they are invalid, or after --help or --health."""
    import argparse
    import sys

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


def _heartbeat(settings: "RunnerSettings") -> "Heartbeat":
    import socket

    from runner.supervisor.heartbeat import Heartbeat

    return Heartbeat(settings.data_dir / "runners", socket.gethostname())


if __name__ == "__main__":
    main()
