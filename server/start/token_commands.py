"""`python -m server token`: creates, lists and revokes tokens.

It changes only API_TOKENS_FILE, which listeners read again within a second. The audit log records
that, if the store can be reached.
"""

import argparse
import json
import os
import re
import secrets
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from server.auth.callers import Rights, Role, parse_rights
from server.auth.quotas import NAMES, UNLIMITED, Quotas, parse_quota
from server.auth.token_entries import (
    BAD_NAME,
    NAME,
    Token,
    TokensError,
    caller_of,
    digest_of,
    parse_time,
    utc,
)
from server.auth.tokens import add_token, parse_tokens, read_token_file, revoke_token
from storage.records.audit import Action
from storage.records.json_values import Json, JsonValue

PREFIX = "jst_"
"""Prefix of generated tokens, which makes a leaked one easy to recognize."""
FILE = "API_TOKENS_FILE"
_QUOTAS = {
    "queued": ("N", "queued jobs"),
    "bytes": ("SIZE", "bytes of its files, such as 10GB"),
    "requests": ("N", "requests per second"),
}
"""Options of `create` for quotas: what stands for the value, and what it is."""
_UNITS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}
_NEW_TOKEN = """\
The token, which is shown only now:
  {token}
"""
_ITS_LINE = """\
Its line for API_TOKENS_FILE, or its entry for API_TOKENS:
  {line}
"""

_BAD_EXPIRY = (
    "it must be a number of hours, days or weeks (12h, 30d, 8w), or a day or a time in UTC "
    "(2027-01-31, 2027-01-31T12:00:00Z)"
)


def add_token_command(parser: argparse.ArgumentParser) -> None:
    """Add the commands to a parser. `command` is None in its result if none was given."""
    commands = parser.add_subparsers(dest="command", title="commands", metavar="token")
    about = "`token create NAME --role ROLE` creates a token; also `token list`, `token revoke`"
    token = commands.add_parser("token", help=about)
    actions = token.add_subparsers(dest="action", required=True, metavar="create|list|revoke")
    create = actions.add_parser("create", help="create a token and show it once")
    create.add_argument("name", help="name of its user: 1 to 64 characters of A-Z a-z 0-9 . _ -")
    create.add_argument(
        "--role",
        type=_rights,
        default=str(Role.SUBMIT),
        metavar="ROLE[@QUEUE+…]",
        help="its rights: read-own, which submits jobs and sees only its own; read; submit, which "
        "may also change its own jobs; or admin; submit@a+b: only in these queues (default: "
        "submit)",
    )
    create.add_argument(
        "--expires",
        metavar="TIME",
        type=_expiry,
        help="when it ends: 12h, 30d, 8w, 2027-01-31 or 2027-01-31T12:00:00Z (default: never)",
    )
    for name, (metavar, what) in _QUOTAS.items():
        about = f"quota: {what}, or {UNLIMITED} (default: CALLER_QUOTAS)"
        create.add_argument(f"--{name}", metavar=metavar, type=partial(_quota, name), help=about)
    create.add_argument("--add", action="store_true", help="add its line to the file of tokens")
    listing = actions.add_parser("list", help="list tokens with their ends and their last uses")
    listing.add_argument("--json", action="store_true", help="as JSON")
    revoke = actions.add_parser("revoke", help="remove a token from the file of tokens")
    revoke.add_argument("name", help="name of its user")
    for each in (create, listing, revoke):
        each.add_argument(
            "--file",
            type=Path,
            default=os.environ.get(FILE, "").strip() or None,
            help=f"the file of tokens (default: {FILE})",
        )


def run_token_command(arguments: argparse.Namespace) -> None:
    """Create, list or revoke tokens. Exits with a message if that fails."""
    file = arguments.file and Path(arguments.file)
    try:
        if arguments.action == "create":
            to_file = _required(file) if arguments.add else None
            quotas = Quotas(**{name: getattr(arguments, name) for name in NAMES})
            create_token(arguments.name, arguments.role, arguments.expires, quotas, to_file)
        elif arguments.action == "revoke":
            _revoke(arguments.name, _required(file))
        else:
            _list(file, arguments.json)
    except (TokensError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        sys.exit(f"{file or 'API_TOKENS'}: {why}")


def create_token(
    name: str, rights: Rights, expires_at: float | None, quotas: Quotas, file: Path | None
) -> None:
    """Create a token and print it, with its line unless that is added to a file.

    Exits with a message for a bad name. Raises TokensError and OSError.
    """
    if not NAME.fullmatch(name):
        sys.exit(BAD_NAME)
    text = PREFIX + secrets.token_urlsafe(32)
    token = Token(caller_of(name, rights, quotas), digest_of(text), expires_at)
    if file is not None:
        add_token(file, token)
    sys.stdout.write(_NEW_TOKEN.format(token=text))
    if file is None:
        sys.stdout.write(_ITS_LINE.format(line=token.line()))
    else:
        sys.stdout.write(f"Its line was added to {file}.\n")
        expires = {"expires": utc(expires_at)} if expires_at else {}
        limits = {"quotas": str(quotas)} if quotas else {}
        _record("create token", name, role=str(rights), **expires, **limits)


def _revoke(name: str, file: Path) -> None:
    revoke_token(file, name)
    sys.stdout.write(
        f"The token {name} was removed from {file}.\n"
        "Listeners refuse it within a second, and end its sessions and its event streams.\n"
    )
    _record("revoke token", name)


def _record(action: Action, name: str, **detail: str) -> None:
    """Record a change of the file in the audit log; only warn if that fails."""
    from server.settings.server import ServerSettings
    from storage.audit.log import record_from_outside
    from storage.records.job import StoreError
    from storage.settings.settings import SettingsError

    sys.stdout.flush()  # the token is shown, even if the store keeps us waiting
    try:
        settings = ServerSettings.read()
        if settings.audit != "off":
            record_from_outside(settings.store_url, action, "token", name, **detail)
    except (StoreError, SettingsError) as error:
        sys.stderr.write(f"the audit log has no entry of this: {error}\n")


def _list(file: Path | None, as_json: bool) -> None:
    given = os.environ.get("API_TOKENS", "").strip()
    tokens = [*(parse_tokens(given) if given else []), *(read_token_file(file) if file else [])]
    if not tokens:
        sys.exit(f"there are no tokens: set {FILE}, or name the file with --file")
    uses, problem = _last_uses()
    rows = [_row(token, uses.get(str(token.caller.name))) for token in tokens]
    if as_json:
        sys.stdout.write(json.dumps({"items": rows}, indent=2) + "\n")
    else:
        columns = ("name", "role", "expires", "quotas", "last_used_at", "address")
        texts = [str(token.caller.quotas or "") for token in tokens]
        shown = [{**row, "quotas": text} for row, text in zip(rows, texts, strict=True)]
        _print_table([[row[name] or "-" for name in columns] for row in shown], columns)
    if problem:
        sys.stderr.write(f"the last uses are unknown: {problem}\n")


def _row(token: Token, use: Any) -> Json:
    """Return the row of a token in a list."""
    expires = token.expires_at and utc(token.expires_at)
    has_expired = token.has_expired(time.time())
    return {
        "name": token.caller.name,
        "role": str(Rights(token.caller.role, token.caller.queues)),
        "expires": f"{expires} (expired)" if has_expired else expires,
        "quotas": (token.caller.quotas or Quotas()).document(),
        "last_used_at": use and utc(use.used_at / 1000),
        "address": use and use.address,
    }


def _last_uses() -> tuple[Mapping[str, JsonValue], str | None]:
    """Return the last uses by names, and why they are unknown if they are."""
    from storage.access.token_uses import read_token_uses
    from storage.records.job import StoreError
    from storage.settings.settings import Settings, SettingsError

    try:
        return read_token_uses(Settings.read().store_url), None
    except (StoreError, SettingsError) as error:
        return {}, str(error)


def _print_table(rows: list[list[str]], titles: tuple[str, ...]) -> None:
    heads = [title.removesuffix("_at").replace("_", " ").upper() for title in titles]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _required(file: Path | None) -> Path:
    if file is None:
        sys.exit(f"set {FILE}, or name the file with --file")
    return file


def _rights(text: str) -> Rights:
    """Parse a role with its queues."""
    try:
        return parse_rights(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _quota(name: str, text: str) -> float:
    """Parse a quota."""
    try:
        return parse_quota(name, text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _expiry(text: str) -> float:
    """Parse when a token ends: a time in the future, or how long from now."""
    if found := re.fullmatch(r"([1-9][0-9]{0,4})([hdw])", text):
        return float(int(time.time()) + int(found[1]) * _UNITS[found[2]])
    try:
        expires_at = parse_time(text)
    except ValueError:
        raise argparse.ArgumentTypeError(_BAD_EXPIRY) from None
    if expires_at <= time.time():
        raise argparse.ArgumentTypeError(f"{utc(expires_at)} is over: the token would never work")
    return expires_at
