"""Sessions of the web front end: signed cookies that name a caller, and stream tokens.

    key of a cookie = HMAC-SHA256(COOKIE_SECRET or DATA_DIR/cookie.key, hash of the caller's token)

A session therefore ends when its token expires, is removed or replaced, and the stored hashes alone
are not enough to forge a cookie. Nothing is stored for a session: every listener with the same
DATA_DIR accepts the cookies of the others.

A stream token is such a signed text for the query of an event stream: browsers send no token in a
header there, and no cookie to another origin.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from math import inf
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field
from tornado.web import create_signed_value, decode_signed_value

from server.auth.callers import Caller
from server.auth.token_entries import MAX_TOKEN_LENGTH, Token
from server.auth.tokens import Tokens
from storage.files.disk import sync_name
from storage.records.job import StoreError

COOKIE = "job_service_session"
STREAM_TOKEN = "stream_token"
STREAM_TOKEN_SECONDS = 60.0
KEY_FILE = "cookie.key"
_KEY_BYTES = 32
_DAY = 86400
_VERSION = 2
"""Version of Tornado's signed values. Version 1 is weaker."""


class SignIn(BaseModel):
    """The body of a sign-in."""

    model_config = ConfigDict(strict=True, extra="forbid")

    token: str = Field(
        min_length=1, max_length=MAX_TOKEN_LENGTH, description="the token of the caller"
    )


def cookie_name(secure: bool, root_path: str = "") -> str:
    """The name of the cookie. Over HTTPS it has the prefix `__Host-`: browsers accept such a
    cookie only from this exact host, and only over HTTPS.

    Below a ROOT_PATH, the cookie is only for that path, which `__Host-` does not allow, and it is
    named after the path: other services of the host may have cookies for `/`.
    """
    if root_path:
        return f"{'__Secure-' if secure else ''}{COOKIE}{root_path.replace('/', '_')}"
    return f"__Host-{COOKIE}" if secure else COOKIE


class Sessions:
    """Creates and checks session cookies. A session lasts `seconds`."""

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

    def create_cookie(self, token: Token) -> str:
        """Return the value of a new cookie for the caller of this token."""
        return self._signed(COOKIE, token)

    def caller(self, cookie: str) -> Caller | None:
        """Return the caller that a cookie names. None if it is invalid or has expired."""
        return self._caller(COOKIE, cookie, self.seconds)

    def create_stream_token(self, name: str) -> str | None:
        """Return a token that opens event streams for the caller of a token with this name, for
        STREAM_TOKEN_SECONDS; None without such a token of the service."""
        token = self._tokens.by_name(name)
        return None if token is None else encode_text(self._signed(STREAM_TOKEN, token))

    def stream_caller(self, stream_token: str, is_open: bool) -> Caller | None:
        """Return the caller that a stream token names. None if it is invalid or has expired.

        The stream that it has opened goes on for as long as the caller's own token is valid.
        """
        try:
            signed = decode_text(stream_token)
        except ValueError:
            return None
        return self._caller(STREAM_TOKEN, signed, inf if is_open else STREAM_TOKEN_SECONDS)

    def _signed(self, purpose: str, token: Token) -> str:
        name = str(token.caller.name)
        signed = create_signed_value(self._key(token), purpose, name, _VERSION, self._clock)
        return f"{name}:{signed.decode()}"

    def _caller(self, purpose: str, text: str, seconds: float) -> Caller | None:
        name, _, signed = text.partition(":")
        token = self._tokens.by_name(name)
        if token is None:
            return None
        days = seconds / _DAY
        signed_name = decode_signed_value(
            self._key(token), purpose, signed, days, self._clock, _VERSION
        )
        return token.caller if signed_name == name.encode() else None

    def _key(self, token: Token) -> bytes:
        return hmac.digest(self._secret, b"sign-in " + token.digest, hashlib.sha256)


def encode_text(text: str) -> str:
    """Encode a text for a query, in the letters of Base64 for URLs."""
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_text(encoded: str) -> str:
    """Decode what `encode_text` has encoded. Raises ValueError."""
    padding = "=" * (-len(encoded) % 4)  # Python 3.13 refuses more padding than that
    return base64.b64decode(encoded + padding, altchars=b"-_", validate=True).decode()


def load_or_create_key(folder: Path) -> bytes:
    """Return the cookie key that all listeners with this DATA_DIR share.

    The first listener creates the file atomically. Raises StoreError.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            # The temporary file has mode 0600, and so has the hard link. Its own name goes away.
            with tempfile.NamedTemporaryFile(dir=folder, prefix=f"{KEY_FILE}-") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
                with contextlib.suppress(FileExistsError):  # another listener was first
                    os.link(file.name, path)
            sync_name(path)
        key = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
    if len(key) != _KEY_BYTES:
        raise StoreError(f"{path} is damaged: delete it, and all users must sign in again")
    return key
