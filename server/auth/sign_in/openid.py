"""OpenID Connect: tokens of a provider as credentials, and sessions of people who signed in there.

    Authorization: Bearer JWT ──▶ signature, issuer, OIDC_AUDIENCE, times ─┐
    browser ──▶ `flow.py`: code flow ──▶ cookie, sealed ───────────────────┤
                                                                           └▶ GROUP_ROLES ▶ Caller

The cookie holds name and groups, so a changed GROUP_ROLES applies at once. Nothing is stored.
"""

import contextlib
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from server.auth.callers import Caller, Method
from server.auth.external import COOKIE_MARK
from server.auth.sign_in.group_roles import GroupRoles
from server.auth.sign_in.jwt_checks import (
    ACCESS_TOKEN,
    LEEWAY_SECONDS,
    InvalidJwt,
    Key,
    check,
    is_jwt,
    key_id_of,
)
from server.auth.sign_in.provider import Provider
from server.auth.sign_in.sealing import Seal
from server.http.codes import Code
from server.http.problems import Problem
from storage.records.json_values import JsonValue

METHOD: Method = "oidc"
MAX_CHECKED = 1000
"""Tokens whose checks are remembered."""
MAX_TIME = 4102444800
"""The year 2100, in Unix seconds: tokens of later times are checked again then."""
_SESSION = "session"

_EMAIL = "email"


class ClaimReader:
    """Finds the name in the claim `name`, and the groups in the claim `groups`."""

    def __init__(self, name: str, groups: str):
        """A name with dots, such as `realm_access.roles`, may lead into objects."""
        self._name, self._groups = name, groups

    def are_in(self, claims: Mapping[str, JsonValue]) -> bool:
        """Return whether both claims are there."""
        return _find(claims, self._name) is not None and _find(claims, self._groups) is not None

    def name(self, claims: Mapping[str, JsonValue]) -> str:
        """Return the name of a person.

        Raises Problem 403 if there is none, or if it is an e-mail address that the provider has not
        verified: anybody could claim to have that.
        """
        found = _find(claims, self._name)
        if not isinstance(found, str):
            detail = (
                f"the provider states no {self._name!r} for this caller: name another claim in"
                " OIDC_NAME_CLAIM, or add a scope to OIDC_SCOPES"
            )
            raise Problem(Code.NAME_REFUSED, detail)
        if self._name == _EMAIL and claims.get("email_verified") is not True:
            detail = (
                f"the provider has not verified the address {found[:200]!r}: verify it there, or"
                " name another claim in OIDC_NAME_CLAIM"
            )
            raise Problem(Code.NAME_REFUSED, detail)
        return found

    def groups(self, claims: Mapping[str, JsonValue]) -> list[str]:
        """Return the groups of a person: a list of texts, or one text."""
        found = _find(claims, self._groups)
        given = found if isinstance(found, list) else [found]
        return [each for each in given if isinstance(each, str)]


class OpenId:
    """The callers whom one provider has authenticated."""

    def __init__(
        self,
        provider: Provider,
        claims: ClaimReader,
        roles: GroupRoles,
        seal: Seal,
        audience: str,
        seconds: float,
        clock: Callable[[], float] = time.time,
    ):
        """`audience` is the one of tokens for the API; if it is empty, none are accepted.
        `seconds` is how long a sign-in lasts."""
        self.provider, self.claims, self.seal, self.seconds = provider, claims, seal, seconds
        self._roles, self._audience, self._clock = roles, audience, clock
        self._checked: OrderedDict[bytes, Caller] = OrderedDict()
        self._keys: list[Key] | None = None
        """The keys with which `_checked` was checked."""

    def takes(self, token: str) -> bool:
        """Return whether a bearer token may be one of the provider."""
        return bool(self._audience) and is_jwt(token)

    async def prepare(self, token: str) -> None:
        """Load the keys of the provider if the loaded keys do not fit this token."""
        with contextlib.suppress(InvalidJwt):  # `caller` says why
            await self.provider.load_keys_for(key_id_of(token, ACCESS_TOKEN))

    def caller(self, token: str) -> Caller:
        """Return the caller of a bearer token, with the keys that are loaded.

        Raises Problem 401 if it is not valid, 403 if its caller has no name or no role, and 503 if
        the provider's keys could not be loaded yet.
        """
        if self._keys is not self.provider.keys:  # one of them may have been withdrawn
            self._keys = self.provider.keys
            self._checked.clear()
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        caller = self._checked.get(digest)
        if caller is None or not self._is_valid(caller):
            caller = self._check(token)
            self._checked[digest] = caller
            if len(self._checked) > MAX_CHECKED:
                self._checked.popitem(last=False)
        return caller

    def new_session(self, name: str, groups: list[str]) -> tuple[Caller, str]:
        """Return the caller for a sign-in, and the value of its cookie. Raises Problem 403."""
        caller = self._roles.caller(METHOD, name, groups, self._clock() + self.seconds)
        content = {"name": name, "groups": self._roles.known(groups)}
        return caller, COOKIE_MARK + self.seal.close(_SESSION, content, self.seconds)

    def session(self, cookie: str) -> Caller | None:
        """Return the caller that a cookie names; None if it is invalid or over.

        Raises Problem 403 if the caller has no role any more.
        """
        opened = self.seal.open(_SESSION, cookie.removeprefix(COOKIE_MARK))
        if opened is None:
            return None
        until, content = opened
        return self._roles.caller(METHOD, content["name"], content["groups"], until)

    def _is_valid(self, caller: Caller) -> bool:
        return caller.until is not None and self._clock() < caller.until

    def _check(self, token: str) -> Caller:
        if self._keys is None:
            detail = "the keys of the OpenID Connect provider could not be loaded: see the log"
            raise Problem(Code.PROVIDER_UNAVAILABLE, detail, headers={"Retry-After": "10"})
        try:
            claims = check(token, self._keys, self.provider.issuer, self._audience, ACCESS_TOKEN)
        except InvalidJwt as error:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            detail = f"the token of the provider is not valid: {error}"
            raise Problem(Code.PROVIDER_TOKEN_INVALID, detail, headers=challenge) from None
        name, groups = self.claims.name(claims), self.claims.groups(claims)
        until = min(int(claims["exp"]) + LEEWAY_SECONDS, MAX_TIME)
        return self._roles.caller(METHOD, name, groups, until)


def _find(claims: Mapping[str, JsonValue], name: str) -> JsonValue:
    """Return a claim; None if it is missing. A whole name comes before a path of names."""
    if name in claims:
        return claims[name]
    found: JsonValue = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
