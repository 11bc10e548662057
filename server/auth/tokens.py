"""The tokens of the API, as settings give them; kept as SHA-256 alone.

    API_TOKENS        name:role:token, name:role:sha256:HEX, …
    API_TOKENS_FILE   the same, one a line; blank lines and those that begin with # are left out

No message of this module has any part of an entry: where an entry is wrong, each part of it might
be the token.
"""

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from server.auth.callers import Caller, Role

log = logging.getLogger(__name__)

PREFIX = "jst_"
"""Of tokens that are made here, so that they are known where they should not be."""
MAX_LENGTH = 512
LOOK_SECONDS = 1.0
"""How often it is looked whether the file has changed."""
_LEAST_LENGTH = 16
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]*")
_HASHED = "sha256:"
_HEX = re.compile(r"[0-9a-fA-F]{64}")

Entry = tuple[str, str]
"""Where it stands, as in `line 3`, and its text."""


class TokensError(ValueError):
    """What is wrong with tokens: all of it, without any token."""


@dataclass(frozen=True)
class Token:
    """What is kept of one."""

    caller: Caller
    digest: bytes = field(repr=False)


def in_setting(text: str) -> list[Token]:
    """The tokens in API_TOKENS. Raises TokensError."""
    return _all([(f"entry {at}", entry) for at, entry in enumerate(text.split(","), 1)])


def in_file(path: Path) -> list[Token]:
    """The tokens in API_TOKENS_FILE. Raises TokensError."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise TokensError(f"it cannot be read: {error.strerror}") from None
    except ValueError:
        raise TokensError("it is not UTF-8") from None
    entries = [(f"line {at}", line) for at, line in enumerate(lines, 1)]
    return _all([(at, line) for at, line in entries if not line.strip().startswith("#")])


def require_different(tokens: Iterable[Token]) -> None:
    """Raise TokensError if a name or a token is there twice."""
    tokens = list(tokens)
    if len({token.caller.name for token in tokens}) < len(tokens):
        raise TokensError("a name is given twice")
    if len({token.digest for token in tokens}) < len(tokens):
        raise TokensError("a token is given twice")


def create(name: str, role: Role) -> tuple[str, str]:
    """A new token, and its line for API_TOKENS_FILE. Raises TokensError for a bad name."""
    if not _NAME.fullmatch(name):
        raise TokensError(_BAD_NAME)
    token = PREFIX + secrets.token_urlsafe(32)
    return token, f"{name}:{role}:{_HASHED}{_digest(token).hex()}"


class Tokens:
    """The tokens that are good now. Those of the file are read again when it changes; a file that
    cannot be used then leaves those good that were good before."""

    def __init__(
        self,
        fixed: Sequence[Token],
        file: Path | None,
        clock: Callable[[], float] = time.monotonic,
    ):
        """Raises TokensError."""
        self._fixed = tuple(fixed)
        self._file = file
        self._clock = clock
        self._seen = _state(file)
        self._next_look = clock() + LOOK_SECONDS
        self._tokens = self._read()

    def find(self, token: str) -> Token | None:
        """The token that this is, if it is one; found in the same time, whichever it is."""
        if len(token) > MAX_LENGTH:
            return None
        digest, found = _digest(token), None
        for each in self._now():
            if hmac.compare_digest(each.digest, digest):
                found = each
        return found

    def named(self, name: str) -> Token | None:
        """The token of a caller."""
        return next((each for each in self._now() if each.caller.name == name), None)

    def _now(self) -> tuple[Token, ...]:
        if self._file is not None and self._clock() >= self._next_look:
            self._next_look = self._clock() + LOOK_SECONDS
            self._look()
        return self._tokens

    def _look(self) -> None:
        state = _state(self._file)
        if state == self._seen:
            return
        self._seen = state
        try:
            self._tokens = self._read()
        except TokensError as error:
            log.error("API_TOKENS_FILE cannot be used", extra={"reason": str(error)})
        else:
            log.info("API_TOKENS_FILE was read again", extra={"tokens": len(self._tokens)})

    def _read(self) -> tuple[Token, ...]:
        tokens = (*self._fixed, *(in_file(self._file) if self._file else ()))
        require_different(tokens)
        return tokens


_BAD_NAME = "a name has 1 to 64 characters, of A-Z a-z 0-9 . _ -"


def _all(entries: Iterable[Entry]) -> list[Token]:
    found, problems = [], []
    for where, text in entries:
        try:
            found += [_token(text.strip())] if text.strip() else []
        except ValueError as error:
            problems.append(f"{where}: {error}")
    if problems:
        raise TokensError("; ".join(problems))
    if not found:
        raise TokensError("it has no token")
    require_different(found)
    return found


def _token(text: str) -> Token:
    name, role, token = (*text.split(":", 2), "", "")[:3]
    if not token:
        raise ValueError("it must be name:role:token")
    if not _NAME.fullmatch(name):
        raise ValueError(_BAD_NAME)
    if role not in map(str, Role):
        raise ValueError("the role must be read, submit or admin")
    return Token(Caller(name, Role[role.upper()]), _digest_in(token))


def _digest_in(text: str) -> bytes:
    if text.startswith(_HASHED):
        digits = text.removeprefix(_HASHED)
        if not _HEX.fullmatch(digits):
            raise ValueError("sha256: must be followed by 64 hexadecimal digits")
        return bytes.fromhex(digits)
    if not _LEAST_LENGTH <= len(text) <= MAX_LENGTH:
        raise ValueError(f"a token has {_LEAST_LENGTH} to {MAX_LENGTH} characters")
    if not _TOKEN.fullmatch(text):
        raise ValueError("a token is made of A-Z a-z 0-9 . _ ~ + / = -")
    return _digest(text)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _state(file: Path | None) -> tuple[int, ...] | None:
    """What differs after a change of the file; None if it is not there."""
    try:
        found = None if file is None else file.stat()
    except OSError:
        return None
    return found and (found.st_mtime_ns, found.st_size, found.st_ino)
