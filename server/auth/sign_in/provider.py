"""An OpenID Connect provider over HTTP: its metadata, its keys, and its endpoints for listeners.

    OIDC_ISSUER/.well-known/openid-configuration ──▶ metadata ──▶ jwks_uri ──▶ keys
                                                        ├──▶ token_endpoint: code or refresh token
                                                        └──▶ userinfo_endpoint: claims

Nothing is requested before it is needed, so a listener starts without its provider. Metadata and
keys that were loaded once stay in use while the provider does not respond.
"""

import asyncio
import base64
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote_plus, urlencode, urlsplit

from tornado.httpclient import HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from server.auth.sign_in.jwt_checks import Key, read_keys
from server.http.codes import Code
from server.http.problems import Problem
from storage.records.json_values import Json, JsonValue

log = logging.getLogger(__name__)

METADATA_PATH = "/.well-known/openid-configuration"
METADATA_SECONDS = 3600.0
"""Age at which the metadata is loaded again."""
KEY_SECONDS = 300.0
"""Age at which the keys are loaded again: a withdrawn key is accepted for that long."""
PAUSE_SECONDS = 5.0
"""Minimum time between two requests for one document, whatever tokens clients send."""
TIMEOUT_SECONDS = 5.0
MAX_BODY_BYTES = 2**20
_REQUIRED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OPTIONAL = ("userinfo_endpoint", "end_session_endpoint")


class Refused(Exception):
    """The provider refused a code or a refresh token. The message is the error's name."""


class _Cached:
    """A document that is loaded again when it is old, or when it is asked for."""

    def __init__(
        self,
        load: Callable[[], Awaitable[JsonValue]],
        max_age: float,
        clock: Callable[[], float],
    ):
        self._load, self._max_age, self._clock = load, max_age, clock
        self._lock = asyncio.Lock()
        self._loaded_at = self._tried_at = float("-inf")
        self._problem: Problem | None = None
        self.value: JsonValue = None
        """None until it has been loaded once."""

    @property
    def is_fresh(self) -> bool:
        """Whether it is not old yet."""
        return self._clock() - self._loaded_at < self._max_age

    async def get(self) -> JsonValue:
        """Return it, loaded again if it is old. Raises Problem 503 if it never could be loaded."""
        await self.load()
        if self.value is None:
            assert self._problem
            raise self._problem
        return self.value

    async def load(self, renew: bool = False) -> None:
        """Load it again if it is old or `renew`, unless that was just tried. Logs a failure."""
        asked_at = self._clock()
        async with self._lock:
            pauses = self._clock() - self._tried_at < PAUSE_SECONDS or self._tried_at > asked_at
            if (renew or not self.is_fresh) and not pauses:
                await self._try_to_load()

    async def _try_to_load(self) -> None:
        self._tried_at = self._clock()
        try:
            self.value = await self._load()
        except Problem as problem:
            self._problem = problem
            log.warning("the OpenID Connect provider cannot be used", extra={"error": str(problem)})
        else:
            self._loaded_at = self._clock()


class Provider:
    """The provider with this issuer, for one client. Create it inside the running event loop."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.issuer = issuer
        self.client_id = client_id
        self._client_secret = client_secret
        self._metadata = _Cached(self._load_metadata, METADATA_SECONDS, clock)
        self._keys = _Cached(self._load_keys, KEY_SECONDS, clock)
        self._refreshing: set[asyncio.Task[None]] = set()
        self._http = SimpleAsyncHTTPClient(
            force_instance=True, max_body_size=MAX_BODY_BYTES, max_buffer_size=2 * MAX_BODY_BYTES
        )

    def close(self) -> None:
        """Close the connections to the provider."""
        for task in self._refreshing:
            task.cancel()
        self._http.close()

    async def metadata(self) -> Json:
        """Return the provider's metadata. Raises Problem 503 if it cannot be had."""
        found: Json = await self._metadata.get()
        return found

    @property
    def keys(self) -> list[Key] | None:
        """The keys that were loaded last; None if none were."""
        keys: list[Key] | None = self._keys.value
        return keys

    async def load_keys_for(self, key_id: str | None) -> None:
        """Load the keys again if none has this id. If they are merely old, do so in background.

        A failure is logged, and leaves the keys as they were.
        """
        known = any(None in (key_id, key.key_id) or key.key_id == key_id for key in self.keys or ())
        if not known:
            await self._keys.load(renew=True)
        elif not self._keys.is_fresh and not self._refreshing:
            task = asyncio.create_task(self._keys.load())
            self._refreshing.add(task)
            task.add_done_callback(self._refreshing.discard)

    async def redeem(self, grant: Mapping[str, str]) -> Json:
        """Exchange a code or a refresh token for tokens (RFC 6749, sections 4.1.3 and 6).

        Raises Refused, and Problem 503 if the provider does not respond.
        """
        metadata = await self.metadata()
        fields, headers = dict(grant), {"Content-Type": "application/x-www-form-urlencoded"}
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if self._client_secret and "client_secret_basic" in methods:
            pair = f"{quote_plus(self.client_id)}:{quote_plus(self._client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            fields["client_id"] = self.client_id
            if self._client_secret:
                fields["client_secret"] = self._client_secret
        request = HTTPRequest(metadata["token_endpoint"], "POST", headers, urlencode(fields))
        status, document = await self._fetch(request)
        if status in (400, 401, 403):
            error = document.get("error") if isinstance(document, dict) else None
            raise Refused(str(error or f"status {status}")[:100])
        if status != 200 or not isinstance(document, dict):
            raise _unavailable(f"its token endpoint answers with status {status}")
        return document

    async def userinfo(self, access_token: str) -> Json:
        """Return the claims at the provider's UserInfo endpoint; none if it has none.

        Raises Problem 503 if it cannot be read.
        """
        url = (await self.metadata()).get("userinfo_endpoint")
        if url is None:
            return {}
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        status, document = await self._fetch(HTTPRequest(url, headers=headers))
        if status != 200 or not isinstance(document, dict):
            raise _unavailable(f"its UserInfo endpoint answers with status {status}")
        return document

    async def _load_metadata(self) -> Json:
        url = metadata_url(self.issuer)
        status, found = await self._fetch(HTTPRequest(url))
        if status != 200 or not isinstance(found, dict):
            raise _unavailable(f"{url} answers with status {status}")
        if problem := metadata_problem(self.issuer, found):
            raise _unavailable(problem)
        return found

    async def _load_keys(self) -> list[Key]:
        status, document = await self._fetch(HTTPRequest((await self.metadata())["jwks_uri"]))
        keys = read_keys(document) if status == 200 else []
        if not keys:
            raise _unavailable(f"its jwks_uri answers with status {status} and no usable key")
        return keys

    async def _fetch(self, request: HTTPRequest) -> tuple[int, JsonValue]:
        """Return the status of a response and its JSON; None if it has none. Follows no redirect,
        since the request may contain secrets."""
        request.connect_timeout = request.request_timeout = TIMEOUT_SECONDS
        request.follow_redirects = False
        try:
            response = await self._http.fetch(request, raise_error=False)
            if response.code == 599:
                raise _unavailable("it does not respond")
            document = json.loads(response.body) if response.body else None
        except (TimeoutError, OSError) as error:
            raise _unavailable(f"it cannot be reached: {_reason(error)}") from None
        except ValueError:
            document = None
        except Problem:
            raise
        except Exception as error:  # Tornado raises its own for timeouts and malformed responses
            raise _unavailable(f"it does not respond: {_reason(error)}") from None
        return response.code, document


def metadata_url(issuer: str) -> str:
    """Return the URL of the metadata of an issuer."""
    return issuer.rstrip("/") + METADATA_PATH


def metadata_problem(issuer: str, found: Json) -> str | None:
    """Return why the metadata of an issuer cannot be used, None if it can."""
    if found.get("issuer") != issuer:
        return f"its issuer is {str(found.get('issuer'))[:200]!r}: OIDC_ISSUER must be exactly that"
    for name in (*_REQUIRED, *(each for each in _OPTIONAL if each in found)):
        if not _is_usable(issuer, found.get(name)):
            return f"its metadata has no usable {name}"
    return None


def _is_usable(issuer: str, url: JsonValue) -> bool:
    """Whether an entry of the metadata is a URL, and uses HTTPS if the issuer does."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
    except ValueError:
        return False
    schemes = ("https",) if issuer.startswith("https:") else ("https", "http")
    return parts.scheme in schemes and bool(parts.hostname)


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]


def _unavailable(reason: str) -> Problem:
    detail = f"the OpenID Connect provider cannot be used: {reason}"
    return Problem(Code.PROVIDER_UNAVAILABLE, detail, headers={"Retry-After": "10"})
