"""`client.files` of both clients, against a real service."""

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobservice import ApiError, Client, ConnectionFailed
from tests.support.client_restarts import restart
from tests.support.programs import Service

CONTENT = os.urandom(1 << 20) * 9 + b"end"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def test_the_file_of_a_job_is_downloaded(api: Client, tmp_path: Path) -> None:
    job = api.analyze(("größe.log", CONTENT), ["ERROR"])
    seen: list[tuple[int, int | None]] = []
    done = api.files.download_upload(
        job.id, tmp_path, on_progress=lambda received, size: seen.append((received, size))
    )
    assert done.path == tmp_path / "größe.log"
    assert done.path.read_bytes() == CONTENT
    assert (done.size, done.sha256) == (len(CONTENT), DIGEST)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    stream = io.BytesIO()
    assert api.files.download_upload(job.id, stream).path is None
    assert stream.getvalue() == CONTENT


def test_a_refused_download_leaves_no_file(api: Client, tmp_path: Path) -> None:
    job = api.submit("sleep", {"seconds": 0})
    with pytest.raises(ApiError) as caught:
        api.files.download_upload(job.id, tmp_path / "a")
    assert (caught.value.code, list(tmp_path.iterdir())) == ("file_not_found", [])


@pytest.fixture
def impatient(listener: Service) -> Iterator[Client]:
    """A client of a listener that a test may restart."""
    with Client(listener.base_url, retry_seconds=20) as client:
        yield client


def test_a_download_goes_on_after_the_listener_was_killed(
    impatient: Client, listener: Service, tmp_path: Path
) -> None:
    content = os.urandom(1 << 20) * 32  # more than the buffers of both sockets
    job = impatient.analyze(("a.bin", content), ["ERROR"])
    seen: list[int] = []

    def progress(received: int, size: int | None) -> None:
        if not seen:
            restart(listener)
        seen.append(received)

    done = impatient.files.download_upload(job.id, tmp_path, on_progress=progress)
    assert done.path
    assert done.path.read_bytes() == content
    assert seen == sorted(seen)  # it never began again


def test_a_download_that_cannot_go_on_leaves_nothing(listener: Service, tmp_path: Path) -> None:
    with Client(listener.base_url, retry_seconds=0.5) as client:
        job = client.analyze(("a.bin", os.urandom(1 << 20) * 32), ["ERROR"])
        with pytest.raises(ConnectionFailed):
            client.files.download_upload(
                job.id, tmp_path / "a.bin", on_progress=lambda *_: listener.listener.die()
            )
    assert not [path.name for path in tmp_path.iterdir() if "a.bin" in path.name]
