"""A provider of OpenID Connect for a test session: `oidc-provider` for Node, as a process.

It listens on 127.0.0.1 only, and ends with the session, even if the session is killed: its standard
input is then closed.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

import httpx
import pytest

from tests.support.paths import ROOT

FOLDER = ROOT / "tests" / "web"
SCRIPT = FOLDER / "provider" / "provider.js"
CLIENT_ID, SECRET = "jobs", "secret of the tests"
AUDIENCE = "urn:jobs"
CALLBACK = "/ui/sign-in/callback"
_CLIENT = {
    "client_id": CLIENT_ID,
    "client_secret": SECRET,
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    "redirect_uris": ["http://localhost/none"],
    "post_logout_redirect_uris": ["http://localhost/none"],
}


class OpenIdProvider:
    """A running provider, and the people who sign in there.

    ada is in the groups ops and everyone, ann in developers and everyone, rob in everyone, and all
    others are in no group. The addresses of people whose names begin with `unverified` are not
    verified.
    """

    def __init__(self, process: "subprocess.Popen[str]", issuer: str):
        self._process = process
        self.issuer = issuer

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a listener that uses this provider."""
        return {
            "oidc_issuer": self.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": SECRET,
            "oidc_scopes": "openid email profile groups offline_access",
            "group_roles": "ops:admin,developers:submit,everyone:read",
        }

    def tell(self, command: str) -> None:
        """Change the provider; SCRIPT lists the commands."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        while (answer := self._process.stdout.readline()) != "done\n":
            assert answer.startswith("oidc-provider NOTICE"), answer

    def allow(self, base_url: str) -> None:
        """Let a service at this address sign people in and out."""
        self.tell(f"redirect {base_url}{CALLBACK}")
        self.tell(f"leave {base_url}/")

    def sign_in(self, url: str, name: str, browser: httpx.Client | None = None) -> str:
        """Sign in as a person, from the address to which a listener leads.

        Returns the address to which the provider leads back.
        """
        with httpx.Client() if browser is None else _unclosed(browser) as http:
            response = http.get(url)
            for _ in range(12):
                if location := response.headers.get("location"):
                    target = response.url.join(location)
                    if CALLBACK in str(target):
                        return str(target)
                    response = http.get(target)
                    continue
                assert response.status_code == 200, response.text
                form = dict(re.findall(r'name="(\w+)" value="(\w+)"', response.text))
                found = re.search(r'<form[^>]* action="([^"]+)"', response.text)
                assert found, response.text
                data = {**form, "login": f"id-of-{name}", "password": "any"}
                response = http.post(response.url.join(unescape(found[1])), data=data)
        raise AssertionError("the provider does not lead back")

    def token(self) -> str:
        """Return a token for the API, as a program gets it. The program is in developers."""
        answer = httpx.post(
            f"{self.issuer}/token",
            auth=(CLIENT_ID, SECRET.replace(" ", "+")),
            data={"grant_type": "client_credentials", "resource": AUDIENCE},
        )
        return str(answer.raise_for_status().json()["access_token"])


@contextmanager
def _unclosed(browser: httpx.Client) -> Iterator[httpx.Client]:
    yield browser


@contextmanager
def running_provider(**settings: Any) -> Iterator[OpenIdProvider]:
    """Yield a provider. Skips the test if its package is not installed; fails it in CI."""
    is_there = shutil.which("node") and (FOLDER / "node_modules" / "oidc-provider").exists()
    if not is_there:
        lack = "oidc-provider is not installed: run tests/web/check"
        pytest.skip(lack)
    client = {**_CLIENT, **{name: [*value] for name, value in _CLIENT.items() if "uris" in name}}
    given = json.dumps({"clients": [client], **settings})
    with subprocess.Popen(
        ["node", str(SCRIPT), given],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        try:
            yield OpenIdProvider(process, process.stdout.readline().strip())
        finally:
            process.kill()
