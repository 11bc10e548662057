"""Other users of the machine can read nothing that the programs store."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.programs import Program, Service, running_service

TIGHTENED = "other users have access to files of this service"


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set the umask that the programs inherit."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def wide(folder: Path) -> list[str]:
    """The folder itself and everything in it to which other users have any access."""
    paths = [folder, *folder.rglob("*")]
    return [
        f"{stat.filemode(path.lstat().st_mode)} {path}"
        for path in paths
        if not path.is_symlink() and path.lstat().st_mode & 0o077
    ]


@contextmanager
def used_service(folder: Path, **environ: str) -> Iterator[Service]:
    """A listener and a worker that have run jobs with and without a file, and still run."""
    environ = {"API_TOKENS": "boss:admin:0123456789abcdef", **environ}
    with running_service("", folder, **environ) as service:
        service.token = "0123456789abcdef"
        worker = service.worker()
        assert service.result(service.submit("sleep", {"seconds": 0}))["status"] == "succeeded"
        service.call("POST", "/jobs", {"type": "sleep", "payload": {"seconds": 0}})
        assert worker.process.poll() is None
        yield service


@pytest.mark.heavy
def test_a_new_store_is_private_whatever_the_umask(umask: int, tmp_path: Path) -> None:
    with used_service(tmp_path) as service:
        data = service.folder / "data"
        assert {"jobs.db", "jobs.db-wal", "cookie.key", "runners", "uploads", "wakeup", "work"} <= {
            path.name for path in data.iterdir()
        }
        assert wide(data) == []


@pytest.mark.heavy
def test_uploads_and_what_jobs_write_are_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with running_service("", tmp_path) as service:
            service.worker()
            job = service.result(service.upload(b"a line\n", {"patterns": ["line"]}))
            assert job["status"] == "succeeded"
            assert list((tmp_path / "data" / "uploads" / "files").iterdir())
            assert wide(tmp_path / "data") == []
    finally:
        os.umask(before)


@pytest.mark.heavy
def test_a_store_of_an_earlier_release_is_made_private(tmp_path: Path) -> None:
    with used_service(tmp_path):
        pass
    data = tmp_path / "data"
    (data / "uploads" / "files" / "old").write_text("content")
    (data / "jobs.db.copy").write_text("a copy that an operator made")
    for path in (data, *data.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with used_service(tmp_path):
        assert wide(data) == []


@pytest.mark.heavy
def test_a_database_and_uploads_elsewhere_are_private_but_not_their_parent(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    environ = {
        "DATABASE_URL": f"sqlite:///{elsewhere}/x.db",
        "UPLOADS_URL": f"file://{elsewhere}/uploads",
    }
    elsewhere.mkdir(mode=0o755)
    elsewhere.chmod(0o755)
    with used_service(tmp_path, **environ):
        pass
    for path in elsewhere.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with used_service(tmp_path, **environ):
        assert [line.split()[1] for line in wide(elsewhere)] == [str(elsewhere)]


def test_the_mode_of_a_folder_with_other_folders_stays(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "of-somebody-else").mkdir(parents=True)
    data.chmod(0o755)
    with used_service(tmp_path) as service:
        warned = service.listener.logged(TIGHTENED)
        others = {str(data), str(data / "of-somebody-else")}
        assert {line.split()[1] for line in wide(data)} == others
    assert warned["paths"] == [str(data)]
    assert data.stat().st_mode & 0o777 == 0o755


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    outside, data = tmp_path / "outside", tmp_path / "data"
    outside.write_text("")
    outside.chmod(0o644)
    data.mkdir()
    (data / "link").symlink_to(outside)
    with used_service(tmp_path):
        assert outside.stat().st_mode & 0o777 == 0o644


@pytest.mark.heavy
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is not installed")
def test_a_folder_of_another_user_is_reported_and_used(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    os.chown(data, 12345, 12345)
    environ = {"DATA_DIR": str(data), "PORT": "0", "HOST": "127.0.0.1", "DATABASE_URL": ""}
    listener = Program("server", tmp_path, environ, ("setpriv", "--bounding-set", "-fowner"))
    try:
        warned = listener.logged(TIGHTENED)
        listener.logged("listening")
    finally:
        listener.stop()
    assert warned["paths"] == [str(data)]
    assert "chmod" in warned["remedy"]
    assert [line.split()[1] for line in wide(data)] == [str(data)]


@pytest.mark.heavy
def test_a_migrated_store_is_private(tmp_path: Path) -> None:
    with used_service(tmp_path):
        pass
    before = os.umask(0)
    try:
        url = f"sqlite:///{tmp_path}/data/jobs.db", f"sqlite:///{tmp_path}/new/jobs.db"
        command = [sys.executable, "-m", "storage", "transfer", "--from", url[0], "--to", url[1]]
        uploads = ["--uploads-to", f"file://{tmp_path}/new/uploads"]
        subprocess.run([*command, *uploads], check=True, capture_output=True, timeout=60)
    finally:
        os.umask(before)
    assert wide(tmp_path / "new") == []
