"""Files with forms of tokens that listeners of the previous release do not know.

docs/security.md promises that a listener that runs keeps the tokens that it has read before, and
that none starts with such a file. So no caller gets more rights than the file says.
"""

import hashlib
import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port
from tests.support.waiting import wait_for
from tests.system.releases.previous import Release

HOST = "127.0.0.1"
START_SECONDS = 60.0
KNOWN, NEW = "known-known-known-1", "new-new-new-new-new-2"
FORMS = ("read expires=2100-01-01", "read-own", "submit@builds+nightly")
"""What follows the name of a token, since release 0.2.0."""
KNOWS_ALL = Path("server/auth/token_entries.py")
"""A release with this file knows all of them."""


def check_tokens(folder: Path, release: Release) -> list[str]:
    """Return what a listener of the release does other than promised; it has an own store."""
    if (release.folder / KNOWS_ALL).exists():
        return []
    found = list[str]()
    for number, form in enumerate(FORMS):
        own = folder / f"tokens-{number}"
        own.mkdir()
        file = own / "api-tokens"
        known = f"ann:admin:sha256:{hashlib.sha256(KNOWN.encode()).hexdigest()}\n"
        new = f"bob:{form}:sha256:{hashlib.sha256(NEW.encode()).hexdigest()}\n"
        file.write_text(known)
        with _listener(release, own, file) as (process, log, port):
            wait_for(lambda: _status(port, None) or process.poll() is not None, START_SECONDS)
            file.write_text(known + new)
            wait_for(lambda: _has_refused(port, log), START_SECONDS)
            answers = [_status(port, token) for token in (KNOWN, NEW, None)]
            if answers != [200, 401, 401]:
                found.append(f"{form}: a running listener answers with {answers}")
        with _listener(release, own, file) as (process, log, _):
            code, text = process.wait(START_SECONDS), log.read_text()
            if code == 0 or not all(part in text for part in ("API_TOKENS_FILE", "line 2")):
                found.append(f"{form}: a start ends with {code}: {text[-500:]}")
    return found


@contextmanager
def _listener(
    release: Release, folder: Path, tokens: Path
) -> Iterator[tuple["subprocess.Popen[bytes]", Path, int]]:
    """Start a listener with a file of tokens; end it after the block."""
    port = free_port()
    environ = {"DATA_DIR": str(folder / "data"), "HOST": HOST, "PORT": str(port)}
    log = folder / f"{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(release.python), "-m", "server"],
            cwd=release.folder,
            env={**os.environ, **environ, "API_TOKENS_FILE": str(tokens), "LOG_FORMAT": "json"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process, log, port
    finally:
        process.kill()
        process.wait()


def _has_refused(port: int, log: Path) -> bool:
    """Whether the listener has logged that it cannot use the file, which it reads for a request."""
    _status(port, KNOWN)
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return any(line["message"] == "API_TOKENS_FILE cannot be used" for line in lines)


def _status(port: int, token: str | None) -> int | None:
    """Return the status of a request with a token, None without a response."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        connection.request("GET", "/jobs", headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
