"""The sign-in at an OpenID Connect provider: the authorization code flow with PKCE.

    /ui/sign-in ──▶ provider: state, nonce, code challenge     Cookie: sealed state, nonce, verifier
    /ui/sign-in/callback ◀── state, code ──▶ token endpoint ──▶ ID token ──▶ session, renewal

OpenID Connect Core 1.0, section 3.1; PKCE (RFC 7636); the issuer in responses (RFC 9207). The
renewal is the sealed refresh token: while a page is open, it exchanges it for a new session, so who
is removed at the provider is signed out at the end of the session.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlencode, urlsplit

from server.auth.callers import Caller
from server.auth.sign_in.jwt_checks import InvalidJwt, check, key_id_of
from server.auth.sign_in.openid import OpenId
from server.auth.sign_in.provider import Refused
from server.http.codes import Code
from server.http.problems import Problem
from storage.records.json_values import Json, JsonValue

FLOW_SECONDS = 600
"""How long somebody may take to sign in at the provider."""
MAX_RENEWAL_LENGTH = 3800
"""Browsers keep no longer cookies, with name and attributes. Then a session is not renewed."""
MAX_RENEWAL_SECONDS = 30 * 86400
_FLOW, _RENEWAL = "flow", "renewal"
_PAGE = re.compile(r"/(?:ui(?:/[\w./~%-]*)?|docs)?(?:\?[!-~]*)?(?:#[!-~]*)?", re.ASCII)
"""The paths of the front end."""
_ERROR = re.compile(r"[a-z_]{1,60}")


@dataclass(frozen=True)
class SignedIn:
    """The end of a sign-in or a renewal: the cookies to set, and the page to show.

    `renewal` is None if the provider gives no refresh token, or one that fits into no cookie.
    """

    caller: Caller
    session: str
    renewal: str | None
    page: str
    renewal_seconds: float = MAX_RENEWAL_SECONDS


class SignInFlow:
    """Starts and ends sign-ins at the provider, and renews their sessions."""

    def __init__(self, openid: OpenId, scopes: str):
        """`scopes` are separated by spaces."""
        self.flow_seconds = FLOW_SECONDS
        self.openid = openid
        self._provider, self._seal = openid.provider, openid.seal
        self._scopes = scopes

    def close(self) -> None:
        """Close the connections to the provider."""
        self._provider.close()

    async def begin(self, redirect_uri: str, page: str) -> tuple[str, str]:
        """Return the address at the provider, and the cookie for the way back.

        `page` is the path to return to; any other than one of the front end becomes `/`. Raises
        Problem 503 if the provider does not respond.
        """
        metadata = await self._provider.metadata()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = hashlib.sha256(verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self._provider.client_id,
            "redirect_uri": redirect_uri,
            "scope": self._scopes,
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        content = {
            "state": state,
            "nonce": nonce,
            "verifier": verifier,
            "redirect_uri": redirect_uri,
            "page": page if _is_page(page) else "/",
        }
        cookie = self._seal.close(_FLOW, content, FLOW_SECONDS)
        return _with_query(metadata["authorization_endpoint"], query), cookie

    async def end(self, query: Mapping[str, str], cookie: str) -> SignedIn:
        """Return the session for the provider's response, which the browser brings.

        Raises Problem 400 if the response does not belong to a sign-in of this browser or the
        provider refuses it, 403 if the caller has no name or no role, and 503 if the provider does
        not respond.
        """
        opened = self._seal.open(_FLOW, cookie)
        if opened is None:
            raise _failed("this sign-in was not begun here, took too long, or has ended already")
        content = opened[1]
        if not secrets.compare_digest(query.get("state", "").encode(), content["state"].encode()):
            raise _failed("another sign-in has been begun in this browser since then")
        await self._require_issuer(query)
        if "error" in query:
            error = query["error"] if _ERROR.fullmatch(query["error"]) else "an unknown error"
            raise _failed(f"the provider answers {error}")
        grant = {
            "grant_type": "authorization_code",
            "code": query.get("code", ""),
            "redirect_uri": content["redirect_uri"],
            "code_verifier": content["verifier"],
        }
        try:
            tokens = await self._provider.redeem(grant)
        except Refused as error:
            raise _failed(f"the provider refuses the code: {error}") from None
        claims = await self._id_claims(tokens)
        if claims.get("nonce") != content["nonce"]:
            raise _failed("the provider's token is one of another sign-in")
        return await self._signed_in(tokens, claims, content["page"])

    async def renew(self, cookie: str) -> SignedIn:
        """Return a new session for a renewal.

        Raises Problem 401 if it is not valid or the provider refuses it, and 403 and 503 as `end`.
        """
        opened = self._seal.open(_RENEWAL, cookie)
        if opened is None:
            raise Problem(Code.SESSION_ENDED, "the session cannot be renewed; sign in again")
        content = opened[1]
        grant = {"grant_type": "refresh_token", "refresh_token": content["token"]}
        try:
            tokens = await self._provider.redeem(grant)
        except Refused as error:
            detail = f"the provider does not renew the session ({error}); sign in again"
            raise Problem(Code.SESSION_ENDED, detail) from None
        tokens = {"refresh_token": content["token"], **tokens}
        # A provider may leave the ID token out (section 12.2); then UserInfo says who it is.
        claims = await self._id_claims(tokens) if "id_token" in tokens else {}
        claims = {"sub": content["sub"], **claims}
        if claims["sub"] != content["sub"]:
            raise Problem(Code.SESSION_ENDED, "the provider renewed the session of somebody else")
        return await self._signed_in(tokens, claims, "/")

    async def sign_out_url(self, page: str) -> str | None:
        """Return the address at which the provider ends its own session, and then leads to `page`.

        None if the provider names no such address, or does not respond.
        """
        try:
            url = (await self._provider.metadata()).get("end_session_endpoint")
        except Problem:
            return None
        query = {"client_id": self._provider.client_id, "post_logout_redirect_uri": page}
        return url and _with_query(url, query)

    async def _require_issuer(self, query: Mapping[str, str]) -> None:
        """Refuse the response of another provider (RFC 9207)."""
        metadata, expected = await self._provider.metadata(), self._provider.issuer
        is_required = metadata.get("authorization_response_iss_parameter_supported") is True
        if query.get("iss", None if is_required else expected) != expected:
            raise _failed("the response is not from the provider")

    async def _id_claims(self, tokens: Json) -> Json:
        """Return the claims of the ID token among these. Raises Problem 400 if it is not valid."""
        token, provider = tokens.get("id_token"), self._provider
        if not isinstance(token, str):
            raise _failed("the provider sends no ID token: OIDC_SCOPES must have openid")
        try:
            await provider.load_keys_for(key_id_of(token))
            claims = check(token, provider.keys or (), provider.issuer, provider.client_id)
        except InvalidJwt as error:
            raise _failed(f"the provider's ID token is not valid: {error}") from None
        audiences = claims["aud"]
        if claims.get("azp", provider.client_id) != provider.client_id or (
            isinstance(audiences, list) and len(audiences) > 1 and "azp" not in claims
        ):
            raise _failed("the provider's ID token is for another client")
        return claims

    async def _signed_in(self, tokens: Json, claims: Json, page: str) -> SignedIn:
        """Return the session of a person. Claims that the ID token lacks are asked for."""
        stated = self.openid.claims
        access_token = tokens.get("access_token")
        if not stated.are_in(claims) and isinstance(access_token, str):
            more = await self._provider.userinfo(access_token)
            if more and more.get("sub") != claims["sub"]:
                raise _failed("the provider states claims of somebody else")
            claims = {**more, **claims}
        caller, session = self.openid.new_session(stated.name(claims), stated.groups(claims))
        return SignedIn(caller, session, self._renewal(tokens, claims["sub"]), page)

    def _renewal(self, tokens: Json, subject: str) -> str | None:
        token: JsonValue = tokens.get("refresh_token")
        if not isinstance(token, str):
            return None
        content = {"token": token, "sub": subject}
        sealed = self._seal.close(_RENEWAL, content, MAX_RENEWAL_SECONDS)
        return sealed if len(sealed) <= MAX_RENEWAL_LENGTH else None


def _is_page(text: str) -> bool:
    """Whether a text is the path of a page. Browsers would follow `..` to other paths of the host,
    also if it is written as %2e%2e."""
    if len(text) >= 1000 or not _PAGE.fullmatch(text):
        return False
    parts = unquote(urlsplit(text).path).split("/")
    return not {".", ".."}.intersection(parts)


def _with_query(url: str, query: Mapping[str, str]) -> str:
    separator = "&" if urlsplit(url).query else "?"
    return f"{url}{separator}{urlencode(query)}"


def _failed(reason: str) -> Problem:
    return Problem(Code.SIGN_IN_FAILED, f"the sign-in failed: {reason}")
