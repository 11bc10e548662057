"""Whether people can sign in at the OpenID Connect provider of OIDC_ISSUER."""

import json
import time
from collections.abc import Iterator
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from threading import Thread
from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

from admin.doctor.findings.finding import Finding, Level, ok
from admin.doctor.findings.subject import Subject
from server.auth.sign_in.jwt_checks import LEEWAY_SECONDS, read_keys
from server.auth.sign_in.provider import MAX_BODY_BYTES, metadata_problem, metadata_url
from storage.db.statements import Row
from storage.records.counted import counted

NAME = "sign_in"
_SECONDS, _THOROUGH_SECONDS = 1.0, 10.0


def check(subject: Subject) -> Iterator[Finding]:
    """Yield whether the provider has metadata and keys; nothing if there is none.

    The requests run in a thread that ends with the process, because nothing else bounds the time
    of a name server.
    """
    if not (issuer := subject.listener.oidc_issuer):
        return
    seconds = _THOROUGH_SECONDS if subject.thorough else _SECONDS
    asked = _Asked(issuer, seconds)
    thread = Thread(target=asked.ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if asked.problem:
        yield Finding(
            NAME,
            "error",
            f"OIDC_ISSUER={issuer}: {asked.problem}",
            "nobody can sign in at the provider; sessions and tokens go on for a time",
            f"curl -i {metadata_url(issuer)}; then see docs/sign-in.md#when-something-is-wrong",
        )
        return
    yield ok(NAME, f"OIDC_ISSUER={issuer} has {counted(asked.keys, 'usable key')}")
    if asked.clock_ahead is not None:
        yield from _of_clock(asked.clock_ahead)


def _of_clock(ahead: float) -> Iterator[Finding]:
    if abs(ahead) <= LEEWAY_SECONDS / 2:
        return
    level: Level = "error" if abs(ahead) > LEEWAY_SECONDS else "warning"
    yield Finding(
        NAME,
        level,
        f"the clock of the provider is {ahead:+.0f} s from this machine's",
        f"from {LEEWAY_SECONDS} s on, what it signs counts as expired or as not valid yet",
        "run a time server on both machines (chrony): timedatectl set-ntp true",
    )


class _Asked:
    """The answers of a provider: what is wrong with them, or the number of its usable keys."""

    def __init__(self, issuer: str, seconds: float):
        self._issuer = issuer
        self._seconds = seconds
        # As a listener: no proxy, and no redirect.
        self._opener = build_opener(ProxyHandler({}), _NoRedirects)
        self.problem: str | None = f"it does not respond within {seconds:g} s"
        self.keys = 0
        self.clock_ahead: float | None = None
        """Seconds by which its clock is ahead of this machine's; None if it does not tell."""

    def ask(self) -> None:
        """Load the metadata and the keys."""
        try:
            metadata = self._get(metadata_url(self._issuer))
            problem = metadata_problem(self._issuer, metadata)
            if problem is None:
                self.keys = len(read_keys(self._get(metadata["jwks_uri"])))
                problem = None if self.keys else f"{metadata['jwks_uri']} has no usable key"
        except (OSError, HTTPException, ValueError) as error:
            problem = f"it cannot be used: {getattr(error, 'reason', None) or error}"
        self.problem = problem

    def _get(self, url: str) -> Row:
        """Return the JSON object behind a URL. Raises OSError, HTTPException and ValueError."""
        began = time.time()
        with self._opener.open(url, timeout=self._seconds) as answer:
            self._compare_clocks(answer.headers, (began + time.time()) / 2)
            found = json.loads(answer.read(MAX_BODY_BYTES))
        if not isinstance(found, dict):
            raise ValueError(f"{url} has no JSON object")
        return found

    def _compare_clocks(self, headers: Message, now: float) -> None:
        """Compare the time of a response, which has whole seconds, unless a cache has sent it."""
        if headers["Date"] and not headers["Age"]:
            self.clock_ahead = parsedate_to_datetime(headers["Date"]).timestamp() + 0.5 - now


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_arguments: object) -> None:
        """Follow none: the response is an error then."""
