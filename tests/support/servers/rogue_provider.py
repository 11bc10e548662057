"""A provider of OpenID Connect that does whatever a test wants: it forges, delays and fails."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.support.servers.in_thread import serving

CLIENT_ID = "jobs"
AUDIENCE = "urn:jobs"
METADATA = "/.well-known/openid-configuration"
Answer = Callable[[dict[str, str]], tuple[int, Any]]


class RogueProvider:
    """The provider. `answers` has a function for each path, from the fields of a form to status and
    JSON; `requests` has all paths that were asked for."""

    def __init__(self, issuer: str):
        self.issuer = issuer
        self.requests: list[str] = []
        self.clock_ahead = 0.0
        """Seconds by which the time of its responses is ahead."""
        self.keys: dict[str, Any] = {}
        self.shown: list[dict[str, Any]] = []
        """The keys at jwks_uri."""
        self.claims: dict[str, Any] = {}
        """Claims of the next ID token, besides the usual ones."""
        self.metadata: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/auth",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/jwks",
        }
        self.answers: dict[str, Answer] = {
            METADATA: lambda _: (200, self.metadata),
            "/jwks": lambda _: (200, {"keys": self.shown}),
            "/token": lambda _: (200, {"id_token": self.token(aud=CLIENT_ID, **self.claims)}),
        }
        self.add_key("first")

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a listener that uses this provider."""
        return {
            "oidc_issuer": self.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_audience": AUDIENCE,
            "oidc_name_claim": "preferred_username",
            "group_roles": "ops:admin,*:read",
        }

    def add_key(self, key_id: str, shown: bool = True, kind: str = "RSA", **more: Any) -> None:
        """Add a key for signatures, and show it to clients."""
        if kind == "RSA":
            bits = more.pop("bits", 2048)
            self.keys[key_id] = rsa.generate_private_key(public_exponent=65537, key_size=bits)
            public = RSAAlgorithm.to_jwk(self.keys[key_id].public_key(), as_dict=True)
        else:
            self.keys[key_id] = ec.generate_private_key(ec.SECP256R1())
            public = ECAlgorithm.to_jwk(self.keys[key_id].public_key(), as_dict=True)
        public.pop("key_ops", None)
        if shown:
            self.shown.append({**public, "kid": key_id, **more})

    def token(self, key_id: str = "first", algorithm: str = "RS256", **claims: Any) -> str:
        """Sign a token. Claims that are None are left out; `at` shifts its times by seconds, and
        `typ` goes into its head."""
        now = time.time() + claims.pop("at", 0)
        usual = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "1",
            "iat": now,
            "exp": now + 300,
            "preferred_username": "ann",
            "groups": ["ops"],
        }
        stated = {name: value for name, value in (usual | claims).items() if value is not None}
        typ = stated.pop("typ", "JWT")
        head = {"typ": typ, **({"kid": key_id} if key_id else {})}
        return jwt.encode(stated, self.keys[key_id or "first"], algorithm=algorithm, headers=head)


@contextmanager
def running_rogue_provider() -> Iterator[RogueProvider]:
    """Yield a provider on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, fields: dict[str, str]) -> None:
            path = self.path.partition("?")[0]
            provider.requests.append(path)
            status, document = provider.answers[path](fields)
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(timestamp or time.time() + provider.clock_ahead)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = RogueProvider(f"http://127.0.0.1:{server.server_port}")
    with serving(server):
        yield provider
