"""`client.files` of both clients, against a real service."""

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobservice import ApiError, AsyncClient, Client, ConnectionFailed, FileData
from jobservice.file_data import place_of
from tests.support.blocked import blocked
from tests.support.client_restarts import restart
from tests.support.job_files import leave_files
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


FILES = {"report.txt": b"done\n", "pages/größe #1.csv": b"1,2\n", "pages/empty": b""}


@pytest.fixture(params=["asynchronous", "blocking"])
def quiet(request: pytest.FixtureRequest, listener: Service) -> Iterator[Client]:
    """Either client, both with blocking calls, of a service without a worker."""
    if request.param == "blocking":
        with Client(listener.base_url) as client:
            yield client
    else:
        with blocked(AsyncClient(listener.base_url)) as client:
            yield client


def test_the_files_that_a_job_has_left_are_listed_and_downloaded(
    quiet: Client, listener: Service, tmp_path: Path
) -> None:
    job_id = leave_files(listener, FILES)
    listed = quiet.files.list(job_id)
    assert {each.name: each.size for each in listed} == {n: len(d) for n, d in FILES.items()}
    assert [each.name for each in listed] == sorted(FILES)
    for name, content in FILES.items():
        assert quiet.files.read(job_id, name) == content
    folder = tmp_path / "new"
    seen: list[tuple[int, int | None]] = []
    paths = quiet.files.download_all(
        job_id, folder, on_progress=lambda done, size: seen.append((done, size))
    )
    assert paths == [folder / each.name for each in listed]
    assert {str(path.relative_to(folder)): path.read_bytes() for path in paths} == FILES
    assert seen[-1] == (9, 9)
    (folder / "report.txt").unlink()
    assert quiet.files.download_all(job_id, folder) == paths  # only what is missing
    (folder / "report.txt").write_bytes(b"mine\n")
    with pytest.raises(FileExistsError, match=r"report\.txt exists already, and is another file"):
        quiet.files.download_all(job_id, folder)
    one = quiet.files.download(job_id, "pages/größe #1.csv", tmp_path)
    assert one.path == tmp_path / "größe #1.csv"
    job = quiet.get(job_id)
    again = quiet.files.download(job, "pages/größe #1.csv", tmp_path)  # it is equal
    assert (again.path, again.is_there) == (one.path, True)
    assert quiet.files.list(job) == listed
    archive = quiet.files.download_zip(job_id, tmp_path)
    assert archive.path == tmp_path / f"{job_id}.zip"
    with zipfile.ZipFile(archive.path) as read:
        assert {each: read.read(each) for each in read.namelist()} == FILES


def test_names_that_no_file_has_are_refused(quiet: Client, listener: Service) -> None:
    job_id = leave_files(listener, FILES)
    with pytest.raises(ApiError) as caught:
        quiet.files.read(job_id, "no")
    assert caught.value.code == "file_not_found"
    for name in ("", "../a", "a//b", "/a", "."):
        with pytest.raises(ValueError, match="is not the name of a file"):
            quiet.files.read(job_id, name)
    with pytest.raises(TypeError):
        quiet.files.read(job_id, 5)  # type: ignore[arg-type]


def test_a_hostile_name_stays_in_the_folder(tmp_path: Path) -> None:
    for name in ("../../etc/passwd", "/etc/passwd", "a/../../b", "C:\\x", ".ssh/config", "a/.."):
        file = FileData(name, 1, "text/plain", "0" * 64)
        place = Path(os.path.realpath(place_of(file, tmp_path)))
        assert place.is_relative_to(tmp_path)
        assert not any(part.startswith(".") for part in place.relative_to(tmp_path).parts)
