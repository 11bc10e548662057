"""Sign-ins of the web front end: a cookie that names a caller, signed.

    key of a cookie = HMAC-SHA256(COOKIE_SECRET or DATA_DIR/cookie.key, hash of the caller's token)

So a sign-in ends when its token is removed or replaced, nobody can make one from the hashes alone,
and nothing has to be remembered: each listener on one DATA_DIR knows the cookies of all.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from tornado.web import create_signed_value, decode_signed_value

from server.auth.callers import Caller
from server.auth.tokens import MAX_LENGTH, Token, Tokens
from storage.files.disk import sync_name
from storage.records.job import StoreError

COOKIE = "job_service_session"
KEY_FILE = "cookie.key"
_KEY_BYTES = 32
_DAY = 86400
_VERSION = 2
"""Of Tornado's signed values; the first one is weaker."""


class SignIn(BaseModel):
    """What a sign-in has to tell."""

    model_config = ConfigDict(strict=True, extra="forbid")

    token: str = Field(min_length=1, max_length=MAX_LENGTH)


def cookie_name(secure: bool) -> str:
    """By https a name that browsers take from this very host alone, and only by https."""
    return f"__Host-{COOKIE}" if secure else COOKIE


class Sessions:
    """Makes cookies, and reads them. A sign-in lasts `seconds`."""

    def __init__(
        self,
        secret: bytes,
        tokens: Tokens,
        seconds: float,
        clock: Callable[[], float] = time.time,
    ):
        self.seconds = seconds
        self._secret = secret
        self._tokens = tokens
        self._clock = clock

    def begin(self, token: Token) -> str:
        """The value of a new cookie."""
        name = str(token.caller.name)
        signed = create_signed_value(self._key(token), COOKIE, name, _VERSION, self._clock)
        return f"{name}:{signed.decode()}"

    def caller(self, cookie: str) -> Caller | None:
        """Whose cookie it is; None if it is not good (any more)."""
        name, _, signed = cookie.partition(":")
        token = self._tokens.named(name)
        if token is None:
            return None
        days = self.seconds / _DAY
        said = decode_signed_value(self._key(token), COOKIE, signed, days, self._clock, _VERSION)
        return token.caller if said == name.encode() else None

    def _key(self, token: Token) -> bytes:
        return hmac.digest(self._secret, b"sign-in " + token.digest, hashlib.sha256)


def key_in(folder: Path) -> bytes:
    """The key that all listeners on a DATA_DIR share; the first one makes it, whole or not at all.

    Raises StoreError.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
    if len(key) != _KEY_BYTES:
        raise StoreError(f"{path} is damaged: delete it, and all have to sign in again")
    return key


def _make_key(path: Path) -> None:
    # Of mode 0600, which the link has, too; it goes by its first name at the end.
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{KEY_FILE}-") as part:
        part.write(secrets.token_bytes(_KEY_BYTES))
        part.flush()
        os.fsync(part.fileno())
        with contextlib.suppress(FileExistsError):  # that of another listener stays as it is
            os.link(part.name, path)
    sync_name(path)
