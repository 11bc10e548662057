"""The listener as a program: serves the API, or creates a token.

It imports in functions, because the imports take half a second: a signal that arrives meanwhile
must stop the program like any other.
"""

from storage.settings.stop_signals import StopSignals


def main() -> None:
    """Run the listener, or the command that was given."""
    signals = StopSignals()
    _run(signals)


def _run(signals: StopSignals) -> None:
    import argparse

    from server.auth.tokens import add_token_command, print_new_token
    from server.settings.server import ServerSettings
    from storage.files.private import create_privately
    from storage.settings.drivers import without_psycopg
    from storage.settings.url import is_postgresql
    from storage.telemetry.start_up import read_or_exit

    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Without a command, serves the HTTP API. Settings are environment variables:",
        epilog=ServerSettings.help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_token_command(parser)
    arguments = parser.parse_args()
    if arguments.command:
        return print_new_token(arguments.name, arguments.role)
    settings = read_or_exit(ServerSettings)
    signals.exit_if_received()
    create_privately()
    with without_psycopg(is_postgresql(settings.store_url)):
        from server.listener import serve

    serve(settings, signals)


if __name__ == "__main__":
    main()
