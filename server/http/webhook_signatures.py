"""Signatures of callbacks, as Standard Webhooks defines them: https://www.standardwebhooks.com/.

    CALLBACK_SECRET = whsec_NEW OLD ──▶ two keys ──▶ webhook-signature: v1,… v1,…

A receiver knows one of the secrets, and accepts a callback if one of its signatures is right. So
the secret can be replaced at one receiver after another. Imports nothing of ours.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

PREFIX = "whsec_"
"""What secrets begin with that are the Base64 of a key; the text of any other is the key itself."""
MIN_SECRET_LENGTH = 16
_KEY_BYTES = range(24, 65)


def signing_keys(secrets: str) -> list[bytes]:
    """Return the keys of a secret, or of several with spaces between them, the newest first.

    Only a text that begins with `whsec_` has several: others may contain spaces. Raises ValueError.
    """
    return [_key(each) for each in (secrets.split() if secrets.startswith(PREFIX) else [secrets])]


def signed_headers(
    message_id: str, keys: Iterable[bytes], now: float, body: bytes
) -> dict[str, str]:
    """Return the headers of a callback, with a signature (HMAC-SHA256 over id, time and body) for
    each key."""
    timestamp = str(int(now))
    text = b".".join((message_id.encode(), timestamp.encode(), body))
    digests = [base64.b64encode(hmac.digest(key, text, hashlib.sha256)) for key in keys]
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{digest.decode()}" for digest in digests),
    }


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        if len(secret) < MIN_SECRET_LENGTH:
            raise ValueError(f"it must have at least {MIN_SECRET_LENGTH} characters")
        return secret.encode()
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if len(key) not in _KEY_BYTES:
        raise ValueError(
            f"after {PREFIX}, there must be 24 to 64 bytes in Base64, as"
            f' `echo "{PREFIX}$(openssl rand -base64 32)"` makes them'
        )
    return key
