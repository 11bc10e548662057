"""An S3 server for a test session: moto's server, as a separate process on a free port.

It keeps its buckets in memory and listens on 127.0.0.1 only. It ends with the session, even if the
session is killed.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree

import obstore

from storage.files.bucket_access import open_bucket
from storage.files.owner import OWNER
from storage.settings.settings import Settings
from tests.support.waiting import wait_for

START_SECONDS = 30
PREFIX = "jobs/uploads"


class Bucket:
    """A bucket, seen from outside the service. `settings` configure a program to use it."""

    def __init__(self, address: str, name: str):
        self._address = f"{address}/{name}"
        self.name = name
        self.settings = {
            "UPLOADS_URL": f"s3://{name}/{PREFIX}",
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "key-of-tests",
            "AWS_SECRET_ACCESS_KEY": "secret-of-tests",
        }
        self._ask("PUT", "")
        self._store = open_bucket(Settings.read(self.settings), 10, 5)

    def keys(self) -> list[str]:
        """Keys of all objects but the one that names the store."""
        return [key for key in self._listed("?list-type=2") if not key.endswith(OWNER)]

    def open_parts(self) -> list[str]:
        """Keys of multipart uploads that are neither completed nor aborted."""
        return self._listed("?uploads=")

    def read(self, name: object) -> bytes:
        """Return the content of an object below the prefix."""
        return obstore.get(self._store, str(name)).bytes().to_bytes()

    def put(self, name: object, data: bytes) -> None:
        """Store or replace an object below the prefix."""
        obstore.put(self._store, str(name), data)

    def remove(self, name: object) -> None:
        """Delete an object below the prefix."""
        obstore.delete(self._store, str(name))

    def _listed(self, query: str) -> list[str]:
        tree = ElementTree.fromstring(self._ask("GET", query))
        return [each.text or "" for each in tree.iter() if each.tag.rpartition("}")[2] == "Key"]

    def _ask(self, method: str, query: str) -> bytes:
        request = urllib.request.Request(self._address + query, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())


class S3Server:
    """A running server. It checks no credentials, unless it is `strict`: then it only accepts the
    first request, and refuses all others because it knows no keys."""

    def __init__(self, folder: Path, strict: bool):
        self._log = folder / "log"
        environ = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "1"} if strict else None
        command = ["setpriv", "--pdeathsig=KILL", "--"] if shutil.which("setpriv") else []
        command += [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(lambda: self._address() or self.process.poll() is not None, START_SECONDS)
        self.address = self._address()
        assert self.address, self._log.read_text()

    def new_bucket(self) -> Bucket:
        """Create an empty bucket."""
        return Bucket(self.address, f"test-{uuid4().hex}")

    def stop(self) -> None:
        """Kill the server; its data is lost."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def _address(self) -> str:
        found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", self._log.read_text())
        return found[1] if found else ""


@contextmanager
def running_server(strict: bool = False) -> Iterator[S3Server]:
    """Yield a new server, which is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="job-service-s3-") as name:
        server = S3Server(Path(name), strict)
        try:
            yield server
        finally:
            server.stop()
