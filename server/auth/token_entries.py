"""Entries of API_TOKENS and lines of API_TOKENS_FILE: how they are read and written.

    name:role:token
    name:role@queue+queue expires=2027-01-31 requests=50:sha256:HEX

The token itself, or its SHA-256 hash, comes last. Options follow the role after a space. No message
of this module repeats any part of an entry: in a malformed entry, each part could be the token.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from server.auth.callers import Caller, Rights, parse_rights
from server.auth.quotas import EXAMPLE, NAMES, Quotas, quotas_of, split_options

MAX_TOKEN_LENGTH = 512
BAD_NAME = "a name must have 1 to 64 characters of A-Z a-z 0-9 . _ -"
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MIN_TOKEN_LENGTH = 16
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]*")
_HASHED = "sha256:"
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_EXPIRES = "expires"
_OPTIONS = _EXPIRES, *NAMES
_BAD_OPTION = f"the options after the role are {_EXPIRES}=2027-01-31 {EXAMPLE}"
_BAD_TIME = "expires= must be followed by a day or a time in UTC: 2027-01-31, 2027-01-31T12:00:00Z"


class TokensError(ValueError):
    """Invalid tokens. The message lists every problem, and contains no token."""


@dataclass(frozen=True)
class Token:
    """A configured token: its caller, and the SHA-256 hash of its text."""

    caller: Caller
    digest: bytes = field(repr=False)
    expires_at: float | None = None
    """In seconds since 1970; None for a token that does not expire."""

    def has_expired(self, now: float) -> bool:
        """Whether the token is not valid any more at a time, in seconds since 1970."""
        return self.expires_at is not None and self.expires_at <= now

    def line(self) -> str:
        """Return the line of the token for API_TOKENS_FILE, with its hash."""
        rights = [str(Rights(self.caller.role, self.caller.queues))]
        if self.expires_at is not None:
            rights.append(f"{_EXPIRES}={utc(self.expires_at)}")
        if self.caller.quotas:
            rights.append(str(self.caller.quotas))
        return f"{self.caller.name}:{' '.join(rights)}:{_HASHED}{self.digest.hex()}"


def parse_all(entries: Iterable[tuple[str, str]]) -> list[Token]:
    """Parse entries. Each comes with its position, such as `line 3`. Raises TokensError."""
    found, problems = [], []
    for where, text in entries:
        try:
            found += [parse_entry(text.strip())] if text.strip() else []
        except ValueError as error:
            problems.append(f"{where}: {error}")
    if problems:
        raise TokensError("; ".join(problems))
    if not found:
        raise TokensError("it contains no token")
    require_unique(found)
    return found


def require_unique(tokens: Iterable[Token]) -> None:
    """Raise TokensError if two tokens have the same name or the same text."""
    tokens = list(tokens)
    if len({token.caller.name for token in tokens}) < len(tokens):
        raise TokensError("a name is given twice")
    if len({token.digest for token in tokens}) < len(tokens):
        raise TokensError("a token is given twice")


def parse_entry(text: str) -> Token:
    """Parse one entry. Raises ValueError with the reason."""
    name, _, rest = text.partition(":")
    given, _, token = rest.rpartition(":")
    if f":{given}".endswith(f":{_HASHED[:-1]}"):
        given, token = given[: -len(_HASHED)], _HASHED + token
    role, *options = given.split(" ")
    if not (token and role):
        raise ValueError("it must be name:role:token")
    if not NAME.fullmatch(name):
        raise ValueError(BAD_NAME)
    rights = parse_rights(role)
    values = split_options(options, _OPTIONS, _BAD_OPTION)
    expires_at = parse_time(values[_EXPIRES]) if _EXPIRES in values else None
    return Token(caller_of(name, rights, quotas_of(values)), _parse_digest(token), expires_at)


def caller_of(name: str, rights: Rights, quotas: Quotas) -> Caller:
    """Return the caller with a token."""
    return Caller(name, rights.role, rights.queues, quotas=quotas or None)


def parse_time(text: str) -> float:
    """Parse a day, whose beginning in UTC counts, or a time with a zone. Returns seconds since
    1970. Raises ValueError."""
    try:
        if len(text) == len("2027-01-31"):
            return datetime.combine(date.fromisoformat(text), time(), UTC).timestamp()
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(_BAD_TIME) from None
    if moment.tzinfo is None:
        raise ValueError(_BAD_TIME)
    return moment.timestamp()


def utc(seconds: float) -> str:
    """Return a time as text, such as 2027-01-31T12:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def digest_of(token: str) -> bytes:
    """Return the SHA-256 hash of a token."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


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
    return digest_of(text)
