"""A client of a service behind a proxy: by its name, over TLS, as a browser would reach it."""

import http.client
import json
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

from tests.system.docker.client import Client

DOMAIN = "jobs.home.arpa"
"""The name of the service. It is reserved for networks at home, so no DNS server knows it."""


class Site:
    """The service behind a proxy, which publishes `port`. `authority`: the certificate that signs
    the proxy's. `token` is sent with every request."""

    def __init__(self, port: int, authority: Path, token: str = ""):
        self.port = port
        self._authority = authority
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.client = Client("", self._exchange)

    @property
    def origin(self) -> str:
        """The origin of the service's pages."""
        return f"https://{DOMAIN}:{self.port}"

    def connect(self) -> http.client.HTTPSConnection:
        """A connection of its own."""
        context = ssl.create_default_context(cafile=str(self._authority))
        connection = http.client.HTTPSConnection(DOMAIN, self.port, timeout=60)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.sock = context.wrap_socket(plain, server_hostname=DOMAIN)
        return connection

    def request(
        self, method: str, path: str, document: Any = None, **headers: str
    ) -> tuple[int, str]:
        """Send a request on a connection of its own. Returns the status and the text."""
        connection = self.connect()
        body = None if document is None else json.dumps(document)
        sent = {"Content-Type": "application/json", **self._headers, **headers}
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def events(self) -> http.client.HTTPResponse:
        """The stream of all events."""
        connection = self.connect()
        connection.request(
            "GET", "/events", headers={"Accept": "text/event-stream", **self._headers}
        )
        return connection.getresponse()

    def analyze(self, log: Path) -> str:
        """Upload a file for an `analyze` job with curl. Returns the job's id."""
        resolve = f"{DOMAIN}:{self.port}:127.0.0.1"
        command = ["curl", "-sS", "--fail-with-body", "--max-time", "60", "--resolve", resolve]
        command += ["--cacert", str(self._authority), "-F", "type=analyze"]
        command += ["-F", 'payload={"patterns": ["ERROR"]}', "-F", f"filename=@{log}"]
        for name, value in self._headers.items():
            command += ["-H", f"{name}: {value}"]
        command.append(f"{self.origin}/jobs")
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return str(json.loads(done.stdout)["job_id"])

    def _exchange(self, method: str, path: str, body: str) -> tuple[int, str]:
        return self.request(method, path, json.loads(body) if body else None)
