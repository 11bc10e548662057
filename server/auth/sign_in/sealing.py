"""Sealed texts: JSON that only the listeners can read and write, in cookies.

AES-256-GCM with a random nonce; the purpose of the text is authenticated with it, so a text for one
purpose is worth nothing for another. The key is derived from COOKIE_SECRET or DATA_DIR/cookie.key,
and from the provider: with another provider, all are invalid.
"""

import base64
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.records.json_values import Json

_NONCE_BYTES = 12


class Seal:
    """Seals JSON objects and opens them until their time is over."""

    def __init__(self, secret: bytes, provider: str, clock: Callable[[], float] = time.time):
        key = hmac.digest(secret, f"openid {provider}".encode(), hashlib.sha256)
        self._cipher = AESGCM(key)
        self.clock = clock

    def close(self, purpose: str, content: Json, seconds: float) -> str:
        """Return a text for a cookie, valid for some seconds."""
        data = json.dumps([self.clock() + seconds, content], separators=(",", ":")).encode()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, data, purpose.encode())
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, purpose: str, text: str) -> tuple[float, Json] | None:
        """Return the end of a text's time, in Unix seconds, and its content.

        None if it was not sealed here for this purpose, or its time is over.
        """
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            nonce, data = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            until, content = json.loads(self._cipher.decrypt(nonce, data, purpose.encode()))
        except (ValueError, InvalidTag):
            return None
        return (until, content) if self.clock() < until else None
