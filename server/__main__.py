"""The listener as a program: reads its settings and listens, or makes a token."""

import argparse

from server.auth.token_command import add_token_command, create_token
from server.settings.server import ServerSettings
from storage.settings.settings import read_or_exit
from storage.settings.url import load_peewee


def main() -> None:
    """Run the listener, or another command."""
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Without a command: takes jobs over HTTP. Settings come from the environment:",
        epilog=ServerSettings.help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_token_command(parser)
    arguments = parser.parse_args()
    if arguments.command:
        return create_token(arguments.name, arguments.role)
    settings = read_or_exit(ServerSettings)
    load_peewee(settings.store_url)
    from server.listener import serve  # not above: it loads the drivers

    serve(settings)


if __name__ == "__main__":
    main()
