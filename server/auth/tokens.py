"""API tokens, read from the settings. Only their SHA-256 hashes are kept in memory.

    API_TOKENS        name:role:token, name:role:sha256:HEX, …
    API_TOKENS_FILE   one such entry a line; blank lines and lines that begin with # are ignored

No message of this module repeats any part of an entry: in a malformed entry, each part could be the
token.
"""

import argparse
import hashlib
import hmac
import logging
import re
import secrets
import sys
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from server.auth.callers import Caller, Role

log = logging.getLogger(__name__)

PREFIX = "jst_"
"""Prefix of generated tokens, which makes a leaked one easy to recognize."""
MAX_TOKEN_LENGTH = 512
FILE_CHECK_SECONDS = 1.0
"""Time between two checks whether the file has changed."""
_MIN_TOKEN_LENGTH = 16
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BAD_NAME = "a name must have 1 to 64 characters of A-Z a-z 0-9 . _ -"
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]*")
_HASHED = "sha256:"
_HEX = re.compile(r"[0-9a-fA-F]{64}")


class TokensError(ValueError):
    """Invalid tokens. The message lists every problem, and contains no token."""


@dataclass(frozen=True)
class Token:
    """A configured token: its caller, and the SHA-256 hash of its text."""

    caller: Caller
    digest: bytes = field(repr=False)


def parse_tokens(text: str) -> list[Token]:
    """Parse the value of API_TOKENS. Raises TokensError."""
    return _parse_all([(f"entry {at}", entry) for at, entry in enumerate(text.split(","), 1)])


def read_token_file(path: Path) -> list[Token]:
    """Read the file that API_TOKENS_FILE names. Raises TokensError."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise TokensError(f"it cannot be read: {error.strerror}") from None
    except ValueError:
        raise TokensError("it is not UTF-8") from None
    entries = [(f"line {at}", line) for at, line in enumerate(lines, 1)]
    return _parse_all([(at, line) for at, line in entries if not line.strip().startswith("#")])


def _require_unique(tokens: Collection[Token]) -> None:
    if len({token.caller.name for token in tokens}) < len(tokens):
        raise TokensError("a name is given twice")
    if len({token.digest for token in tokens}) < len(tokens):
        raise TokensError("a token is given twice")


class Tokens:
    """The tokens that are valid now.

    The file is read again when it changes. If the changed file is invalid, the previous tokens stay
    valid, and the error is logged.
    """

    def __init__(
        self,
        fixed: Sequence[Token],
        file: Path | None,
        clock: Callable[[], float] = time.monotonic,
    ):
        """`fixed` are the tokens of API_TOKENS. Raises TokensError if the file is invalid."""
        self._fixed = tuple(fixed)
        self._file = file
        self._clock = clock
        self._version = _file_version(file)
        self._next_check = clock() + FILE_CHECK_SECONDS
        self._tokens = self._read()
        self._changes = 0

    @property
    def changes(self) -> int:
        """How often the tokens have changed."""
        self._current()
        return self._changes

    def find(self, text: str) -> Token | None:
        """Return the token with this text, or None.

        Always compares with every token, so that the time does not depend on which one matches.
        """
        if len(text) > MAX_TOKEN_LENGTH:
            return None
        digest, found = _digest(text), None
        for token in self._current():
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found

    def by_name(self, name: str) -> Token | None:
        """Return the token of the caller with this name, or None."""
        return next((token for token in self._current() if token.caller.name == name), None)

    def _current(self) -> tuple[Token, ...]:
        if self._file is not None and self._clock() >= self._next_check:
            self._next_check = self._clock() + FILE_CHECK_SECONDS
            self._read_if_changed()
        return self._tokens

    def _read_if_changed(self) -> None:
        version = _file_version(self._file)
        if version == self._version:
            return
        self._version = version
        try:
            self._tokens = self._read()
        except TokensError as error:
            log.error("API_TOKENS_FILE cannot be used", extra={"reason": str(error)})
        else:
            self._changes += 1
            log.info("API_TOKENS_FILE was read again", extra={"tokens": len(self._tokens)})

    def _read(self) -> tuple[Token, ...]:
        tokens = (*self._fixed, *(read_token_file(self._file) if self._file else ()))
        _require_unique(tokens)
        return tokens


def _parse_all(entries: Iterable[tuple[str, str]]) -> list[Token]:
    """Parse entries. Each comes with its position, such as `line 3`."""
    found, problems = [], []
    for where, text in entries:
        try:
            found += [_parse_entry(text.strip())] if text.strip() else []
        except ValueError as error:
            problems.append(f"{where}: {error}")
    if problems:
        raise TokensError("; ".join(problems))
    if not found:
        raise TokensError("it contains no token")
    _require_unique(found)
    return found


def _parse_entry(text: str) -> Token:
    name, role, token = (*text.split(":", 2), "", "")[:3]
    if not token:
        raise ValueError("it must be name:role:token")
    if not _NAME.fullmatch(name):
        raise ValueError(_BAD_NAME)
    if role not in map(str, Role):
        raise ValueError("the role must be read, submit or admin")
    return Token(Caller(name, Role[role.upper()]), _parse_digest(token))


def _parse_digest(text: str) -> bytes:
    if text.startswith(_HASHED):
        digits = text.removeprefix(_HASHED)
        if not _HEX.fullmatch(digits):
            raise ValueError("sha256: must be followed by 64 hexadecimal digits")
        return bytes.fromhex(digits)
    if not _MIN_TOKEN_LENGTH <= len(text) <= MAX_TOKEN_LENGTH:
        raise ValueError(f"a token must have {_MIN_TOKEN_LENGTH} to {MAX_TOKEN_LENGTH} characters")
    if not _TOKEN.fullmatch(text):
        raise ValueError("a token may contain only A-Z a-z 0-9 . _ ~ + / = -")
    return _digest(text)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _file_version(file: Path | None) -> tuple[int, ...] | None:
    """A value that differs after each change of the file. None if the file does not exist."""
    try:
        status = None if file is None else file.stat()
    except OSError:
        return None
    return status and (status.st_mtime_ns, status.st_size, status.st_ino)


_NEW_TOKEN = """\
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
    if not _NAME.fullmatch(name):
        sys.exit(_BAD_NAME)
    token = PREFIX + secrets.token_urlsafe(32)
    line = f"{name}:{role}:{_HASHED}{_digest(token).hex()}"
    sys.stdout.write(_NEW_TOKEN.format(token=token, line=line))
