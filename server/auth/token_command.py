"""The command `python -m server token create NAME --role submit`: creates a token, shown once."""

import argparse
import sys

from server.auth.callers import Role
from server.auth.tokens import TokensError, create_token

OUTPUT = """\
The token, which is shown only now:
  {token}
Its line for API_TOKENS_FILE, or its entry for API_TOKENS:
  {line}
"""


def add_token_command(parser: argparse.ArgumentParser) -> None:
    """Add the command to a parser. `command` is None in its result if none was given."""
    commands = parser.add_subparsers(dest="command", title="commands", metavar="token")
    token = commands.add_parser("token", help="`token create NAME --role ROLE` creates a token")
    create = token.add_subparsers(required=True, metavar="create").add_parser(
        "create", help="create a token and show it once"
    )
    create.add_argument("name", help="name of its user: 1 to 64 characters of A-Z a-z 0-9 . _ -")
    create.add_argument(
        "--role",
        choices=[str(role) for role in Role],
        default=str(Role.SUBMIT),
        help="its rights: read; submit, which may also change its own jobs; or admin "
        "(default: submit)",
    )


def print_new_token(name: str, role: str) -> None:
    """Print a new token and its line for the settings. Exits with a message for a bad name."""
    try:
        token, line = create_token(name, Role[role.upper()])
    except TokensError as error:
        sys.exit(str(error))
    sys.stdout.write(OUTPUT.format(token=token, line=line))
