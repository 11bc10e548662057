"""`python -m server token create NAME --role submit`: makes a token, and shows it once."""

import argparse
import sys

from server.auth.callers import Role
from server.auth.tokens import TokensError, create

ANSWER = """\
The token, which is shown only now:
  {token}
Its line for API_TOKENS_FILE, or its entry for API_TOKENS:
  {line}
"""


def add_token_command(parser: argparse.ArgumentParser) -> None:
    """Teach a parser the command; without it, `command` is None."""
    commands = parser.add_subparsers(dest="command", title="commands", metavar="token")
    token = commands.add_parser("token", help="`token create NAME --role ROLE` makes a token")
    create = token.add_subparsers(required=True, metavar="create").add_parser(
        "create", help="make a token, and show it once"
    )
    create.add_argument("name", help="who will use it: 1 to 64 characters of A-Z a-z 0-9 . _ -")
    create.add_argument(
        "--role",
        choices=[str(role) for role in Role],
        default=str(Role.SUBMIT),
        help="what it may do: read; submit, and change its own jobs; or admin (default: submit)",
    )


def create_token(name: str, role: str) -> None:
    """Print a new token, and its line."""
    try:
        token, line = create(name, Role[role.upper()])
    except TokensError as error:
        sys.exit(str(error))
    sys.stdout.write(ANSWER.format(token=token, line=line))
