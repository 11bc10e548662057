"""The listener as a program: serves the API, alone or with a worker, or changes tokens.

It imports in functions, because the imports take half a second: a signal that arrives meanwhile
must stop the program like any other.
"""

from storage.records.our_modules import shown_command
from storage.settings.packages import explained_imports
from storage.settings.stop_signals import StopSignals


def main() -> None:
    """Run the listener, or the command that was given."""
    signals = StopSignals()
    with explained_imports("server"):
        _run(signals)


def _run(signals: StopSignals) -> None:
    import argparse
    import sys

    from server.start.token_commands import add_token_command, run_token_command
    from storage.adoption import add_adopt_option
    from storage.records.release import RELEASE

    class Help(argparse.Action):
        """Prints the help, with all settings."""

        def __call__(self, parser: argparse.ArgumentParser, *given: object) -> None:
            from server.settings.server import ServerSettings

            parser.epilog = ServerSettings.help()
            parser.print_help()
            parser.exit()

    parser = argparse.ArgumentParser(
        prog=shown_command("server"),
        description="Without a command, serves the HTTP API. Settings are environment variables:",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument("-h", "--help", action=Help, nargs=0, help="show this help and exit")
    parser.add_argument("--version", action="version", version=f"job-service {RELEASE}")
    parser.add_argument(
        "--with-worker",
        action="store_true",
        help="also run a worker, with its settings in the same environment; if one of the two "
        "ends, the other is stopped",
    )
    parser.add_argument(
        "--reload",
        action="store_true",
        help="with --with-worker, for development: load job types again when their files change",
    )
    add_adopt_option(parser)
    add_token_command(parser)
    arguments = parser.parse_args()
    if arguments.reload and not arguments.with_worker:
        parser.error("--reload needs --with-worker")
    if arguments.command:
        return run_token_command(arguments)
    if arguments.adopt_uploads:
        _adopt_uploads()
    if arguments.with_worker:
        sys.exit(_run_both(signals, arguments.reload))
    _serve(signals)


def _adopt_uploads() -> None:
    from server.settings.server import ServerSettings
    from storage.adoption import adopt_if_asked
    from storage.files.private import create_privately
    from storage.telemetry.start_up import read_or_exit

    create_privately()
    adopt_if_asked(True, read_or_exit(ServerSettings))


def _run_both(signals: StopSignals, reloads: bool) -> int:
    if reloads:
        from server.start.reloading import run_reloading

        return run_reloading(signals)
    from server.start.with_worker import run_both

    return run_both(signals)


def _serve(signals: StopSignals) -> None:
    from server.settings.server import ServerSettings
    from storage.files.private import create_privately
    from storage.settings.drivers import without_psycopg
    from storage.settings.url import is_postgresql
    from storage.telemetry.service_manager import ServiceManager
    from storage.telemetry.start_up import read_or_exit

    manager = ServiceManager()
    settings = read_or_exit(ServerSettings)
    signals.exit_if_received()
    create_privately()
    with without_psycopg(is_postgresql(settings.store_url)):
        from server.start.listener import serve

    serve(settings, signals, manager)


if __name__ == "__main__":
    main()
