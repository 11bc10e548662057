"""JSON Web Tokens (RFC 7519): the keys of a provider, and the checks of what it has signed.

Only asymmetric algorithms are allowed, and only one that fits the type of the key, so a token can
never be checked with a public key as a secret (RFC 8725, section 3.1).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import jwt

from storage.records.json_values import Json, JsonValue

LEEWAY_SECONDS = 60
"""How far the clocks of provider and listener may differ."""
MAX_TOKEN_LENGTH = 16384
_ALGORITHMS = {
    ("RSA", None): {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"},
    ("EC", "P-256"): {"ES256"},
    ("EC", "P-384"): {"ES384"},
    ("EC", "P-521"): {"ES512"},
    ("OKP", "Ed25519"): {"EdDSA"},
}
"""The allowed algorithms, by the type and the curve of the key."""
ID_TOKEN, ACCESS_TOKEN = "", "at+jwt"
"""Kinds of tokens, by the `typ` in their heads that ends with `+jwt` (RFC 8725, section 3.11). Many
providers name no kind."""
_TIMES = ("exp", "iat", "nbf")
_ERRORS = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


class InvalidJwt(Exception):
    """A token that is refused. The message says why, and does not contain the token."""


@dataclass(frozen=True)
class Key:
    """A public key of the provider, with its id and the algorithms that it may be used with."""

    key_id: str | None
    algorithms: frozenset[str]
    public: JsonValue


def read_keys(document: JsonValue) -> list[Key]:
    """Return the keys for signatures in a JSON Web Key Set (RFC 7517). Others are left out."""
    keys = document.get("keys") if isinstance(document, dict) else None
    found = map(_read_key, keys if isinstance(keys, list) else ())
    return [key for key in found if key]


def _read_key(document: JsonValue) -> Key | None:
    if not isinstance(document, dict) or document.get("use", "sig") != "sig":
        return None
    kind, curve = document.get("kty"), document.get("crv")
    allowed = _ALGORITHMS.get((str(kind), None if curve is None else str(curve)), set())
    if document.get("alg") is not None:
        allowed = allowed & {str(document["alg"])}
    if not allowed:
        return None
    try:
        found = jwt.PyJWK(document, algorithm=min(allowed))
    except _ERRORS:
        return None
    key_id = document.get("kid")
    return Key(None if key_id is None else str(key_id), frozenset(allowed), found.key)


def key_id_of(token: str, kind: str = ID_TOKEN) -> str | None:
    """Return the id of the key in the head of a token, unchecked. Raises InvalidJwt."""
    return _head(token, kind)[1]


def is_jwt(token: str) -> bool:
    """Return whether a token looks like a signed JSON Web Token: three parts, the first is JSON."""
    return token.count(".") == 2 and token.startswith("ey")


def check(
    token: str, keys: Iterable[Key], issuer: str, audience: str, kind: str = ID_TOKEN
) -> Json:
    """Return the claims of a token of this kind that the issuer has signed for this audience.

    Raises InvalidJwt if the signature, the issuer, the audience or a time is wrong, or a claim is
    missing.
    """
    algorithm, key_id = _head(token, kind)
    fitting = [
        key
        for key in keys
        if algorithm in key.algorithms and (key_id is None or key.key_id in (None, key_id))
    ]
    if not fitting:
        raise InvalidJwt("the provider has no key for it")
    for at, key in enumerate(fitting, 1):
        try:
            claims: Json = jwt.decode(
                token,
                key.public,
                algorithms=[algorithm],
                audience=audience,
                issuer=issuer,
                leeway=LEEWAY_SECONDS,
                options={
                    "require": ["aud", "exp", "iat", "iss", "sub"],
                    "enforce_minimum_key_length": True,
                },
            )
            _require_numbers(claims)
            return claims
        except jwt.InvalidSignatureError:
            if at == len(fitting):
                raise InvalidJwt("its signature is wrong") from None
        except jwt.InvalidAudienceError:
            raise InvalidJwt(f"it is not for the audience {audience!r}") from None
        except jwt.InvalidIssuerError:
            raise InvalidJwt(f"it is not from the issuer {issuer!r}") from None
        except _ERRORS as error:
            raise InvalidJwt(str(error)[:200].lower()) from None
    raise AssertionError("unreachable")


def _require_numbers(claims: Json) -> None:
    """Refuse times that are no numbers, such as texts, from which PyJWT reads numbers."""
    for name in _TIMES:
        if name in claims and type(claims[name]) not in (int, float):
            raise InvalidJwt(f"its {name} is not a number")


def _head(token: str, kind: str = ID_TOKEN) -> tuple[str, str | None]:
    """Return algorithm and key id in the head of a token. Refuses tokens of another kind."""
    if len(token) > MAX_TOKEN_LENGTH:
        raise InvalidJwt(f"it has more than {MAX_TOKEN_LENGTH} characters")
    try:
        head = jwt.get_unverified_header(token)
    except _ERRORS:
        raise InvalidJwt("it is not a signed JSON Web Token") from None
    named = str(head.get("typ", "")).lower().removeprefix("application/")
    if named.endswith("+jwt") and named != kind:
        raise InvalidJwt(f"it is of another kind, {named[:40]!r}")
    algorithm, key_id = str(head.get("alg")), head.get("kid")
    if not any(algorithm in each for each in _ALGORITHMS.values()):
        raise InvalidJwt("its algorithm is not allowed")
    return algorithm, key_id if isinstance(key_id, str) else None
