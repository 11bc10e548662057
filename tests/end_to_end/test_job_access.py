"""Hostile job types in a real worker try what a job may read, write, inspect and reach."""

import ctypes
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runner.pool.linux import landlock, seccomp
from runner.pool.linux.kept_files import KEPT
from runner.pool.linux.work_folders import WORK
from tests.support.paths import ROOT
from tests.support.programs import WITHOUT_NAMESPACES, Service, running_service

pytestmark = pytest.mark.skipif(
    landlock.abi_version() < landlock.SCOPE_ABI, reason="this kernel does not confine processes"
)

DENIED = ("EACCES", "EPERM", "EXDEV", "ENOENT", "EROFS")
"""What Landlock and filters answer; EXDEV if a file is to be moved or linked. In a mount namespace,
files are hidden or read-only."""
NAMESPACES, NO_NAMESPACES = (
    "each job process has a mount namespace",
    "jobs have no mount namespaces",
)
_REMOVE = 0  # IPC_RMID
MEMORY_BYTES = 256 * 2**20
LEVELS = ("auto", "none")
"""With mount namespaces, and without them, as in most containers."""
TYPES = {
    "JOB_TYPES": "runner.job_types,tests.support.job_types.intruder",
    "JOB_WRITE_PATHS": "",
}
NOT_ISOLATED = "jobs are not fully isolated"


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder with a short path, since jobs make unix sockets below it."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture(scope="module", params=LEVELS)
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    with short_folder() as folder:
        (folder / "secret").write_text("0123456789abcdef")
        secret = {"COOKIE_SECRET_FILE": str(folder / "secret")}
        with running_service("", folder, **TYPES, **secret, CONCURRENCY_LIMIT="2") as service:
            limits = {"JOB_MEMORY_BYTES": str(MEMORY_BYTES)}
            worker = service.worker(
                **limits, **({} if request.param == "auto" else WITHOUT_NAMESPACES)
            )
            worker.logged(NAMESPACES if request.param == "auto" else NO_NAMESPACES)
            yield service


def tried(service: Service, do: str, on: Any = "") -> Any:
    """Run a job that tries something; return what it got."""
    job = service.result(service.submit("try", {"do": do, "on": str(on)}, max_retries=0))
    assert job["status"] == "succeeded", (
        job["error"],
        service.call("GET", f"/jobs/{job['job_id']}/logs"),
    )
    return job["result"]


def tried_with_file(service: Service, content: bytes, do: str, on: Any = "") -> Any:
    job_id = service.upload(content, {"do": do, "on": str(on)}, "try_with_file", max_retries=0)
    job = service.result(job_id)
    assert job["status"] == "succeeded", (
        job["error"],
        service.call("GET", f"/jobs/{job['job_id']}/logs"),
    )
    return job["result"]


READ = ["read", "read_by_descriptor", "read_by_link", "read_by_symlink", "move_here"]
CHANGE = ["write", "append", "truncate", "remove", "move_here"]


@pytest.mark.parametrize("name", ["jobs.db", "jobs.db-wal", "schema.lock"])
@pytest.mark.parametrize("do", [*READ, *CHANGE])
def test_a_job_cannot_read_or_change_the_store(service: Service, name: str, do: str) -> None:
    path = service.folder / "data" / name
    before = path.stat().st_ino
    assert tried(service, do, path) in DENIED
    assert path.stat().st_ino == before


@pytest.mark.parametrize(
    "do", ["mode", "mode_by_descriptor", "owner", "attribute", "attribute_of_link"]
)
def test_a_job_changes_no_mode_owner_or_attribute_of_others(service: Service, do: str) -> None:
    """The service could not open its own files any longer, or everybody could."""
    data = service.folder / "data"
    paths = [
        data,
        data / "jobs.db",
        data / "wakeup",
        service.folder / "secret",
        *data.glob("work/*"),
    ]

    def seen() -> list[tuple[object, ...]]:  # no times: the programs use their folders meanwhile
        found = [(path.stat(), os.listxattr(path)) for path in paths]
        return [(s.st_ino, s.st_mode, s.st_uid, s.st_gid, names) for s, names in found]

    before = seen()
    for path in paths:
        assert tried(service, f"change_{do}", path) in DENIED
    assert seen() == before
    assert tried_with_file(service, b"its own", f"change_{do}") in DENIED


def test_a_job_cannot_wake_the_programs(service: Service) -> None:
    assert any(service.folder.glob("data/wakeup/worker-*"))
    assert tried(service, "wake_up", service.folder / "data" / "wakeup") == []


def test_memory_is_limited_and_ends_with_its_job(service: Service) -> None:
    (worker,) = [each for each in service.programs() if each.name == "runner"]
    if NO_NAMESPACES in [line["message"] for line in worker.lines()]:
        assert tried(service, "leave_memory", 1) is False
        Path("/dev/shm/left").unlink()  # all share it
        return
    assert tried(service, "leave_memory", MEMORY_BYTES + 1) == "ENOSPC"
    assert [tried(service, "leave_memory", 1) for _ in range(4)] == [False] * 4  # in both slots
    assert not Path("/dev/shm/left").exists()


def test_segments_of_shared_memory_end_with_their_job(service: Service) -> None:
    (worker,) = [each for each in service.programs() if each.name == "runner"]
    alone = NO_NAMESPACES not in [line["message"] for line in worker.lines()]
    libc, key = ctypes.CDLL(None), random.getrandbits(31) | 1
    assert tried(service, "leave_segment", key) is True
    segment = libc.shmget(key, 0, 0)
    if not alone:
        libc.shmctl(segment, _REMOVE, None)  # all share it
    assert (segment == -1) == alone


def test_a_job_changes_the_modes_of_its_own_files(service: Service) -> None:
    assert tried(service, "use_modes") == ["0o751", "0o640", "0o640", "0o711", "0o600", "0o700"]


def test_a_job_cannot_read_secrets(service: Service) -> None:
    secrets = [service.folder / "secret", service.folder / "data" / "cookie.key"]
    secrets[1].write_text("key")
    for path in [*secrets, Path("/etc/shadow"), Path.home()]:
        if path.exists():
            assert tried(service, "list_folder" if path.is_dir() else "read", path) in DENIED
    assert "Permission denied" in tried(service, "read_by_program", secrets[0])


def test_a_job_reads_its_own_file_and_no_other(service: Service) -> None:
    files = service.folder / "data" / "uploads" / "files"
    assert tried_with_file(service, b"mine", "read") == "mine"
    (first, *_) = files.iterdir()
    for do in READ:
        assert tried_with_file(service, b"other", do, first) in DENIED
    assert tried(service, "list_folder", files) in DENIED
    assert tried(service, "folder")[3] == []  # no link is left for the next job


def test_a_job_cannot_change_its_own_file(service: Service) -> None:
    files = service.folder / "data" / "uploads" / "files"
    for do in CHANGE:
        assert tried_with_file(service, b"unchangeable", do) in DENIED
    assert b"" not in [path.read_bytes() for path in files.iterdir()]
    assert all(not path.read_bytes().endswith(b"x") for path in files.iterdir())


def test_a_file_is_read_whatever_its_job_type_does_with_its_path(service: Service) -> None:
    assert tried_with_file(service, b"by a program", "read_by_program") == "by a program"
    job = service.result(service.upload(b"an ERROR\n" * 1000, {"patterns": ["ERROR"]}))
    assert job["result"]["counts"] == {"ERROR": 1000}
    again = service.result(
        service.submit("analyze", {"patterns": ["an"], "source": {"job_id": job["job_id"]}})
    )
    assert again["result"]["counts"] == {"an": 1000}


def test_a_job_cannot_use_the_folder_of_another_job(service: Service) -> None:
    _, path, *_ = tried(service, "folder")
    runner = Path(path).parents[2]
    assert tried(service, "list_folder", runner) in DENIED
    for place in (path for path in runner.iterdir() if path.name not in ("trash", KEPT)):
        (place / WORK / "note").write_text("x")
    seen = {str(path): tried(service, "read", path) for path in runner.glob(f"*/{WORK}/note")}
    assert set(seen.values()) & set(DENIED)  # at least the note of the other slot


def test_a_job_can_leave_nothing_for_the_next_one(service: Service) -> None:
    for _ in range(4):  # in both slots
        place = tried(service, "make_outside")
        assert not Path(place).exists()
        assert "left" not in tried(service, "folder")[2]


def test_a_job_cannot_write_elsewhere(service: Service) -> None:
    for path in (ROOT / "new", service.folder / "new", Path(os.__file__).parent / "new", "/new"):
        assert tried(service, "write", path) in DENIED
        assert tried(service, "make_folder", path) in DENIED


def test_a_job_cannot_inspect_trace_or_signal_the_worker(service: Service) -> None:
    (worker,) = [each for each in service.programs() if each.name == "runner"]
    for process in worker.family():
        if process.name() == "job":
            continue
        for name in ("environ", "mem", "maps"):
            if os.geteuid() != 0:  # root may read environments with CAP_PERFMON
                assert tried(service, "read", f"/proc/{process.pid}/{name}") in DENIED
        assert tried(service, "read_link", f"/proc/{process.pid}/fd/0") in DENIED
        assert tried(service, "trace", process.pid) in DENIED
        assert tried(service, "signal_process", process.pid) in DENIED
    assert tried(service, "stop_parent") in DENIED


def test_a_job_cannot_connect_to_abstract_sockets(service: Service) -> None:
    name = f"job-service-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"\0{name}")
        listening.listen()
        assert tried(service, "connect_abstract", name) in DENIED


def test_no_program_can_gain_privileges(service: Service) -> None:
    for program in service.programs():
        assert "NoNewPrivs:\t1\n" in Path(f"/proc/{program.process.pid}/status").read_text()


def test_ordinary_job_types_work(service: Service) -> None:
    assert tried(service, "use_python") == "works"


def test_a_worker_that_isolates_jobs_fully_reports_nothing(service: Service) -> None:
    (worker,) = [each for each in service.programs() if each.name == "runner"]
    assert NOT_ISOLATED not in [line["message"] for line in worker.lines()]


@pytest.mark.heavy
def test_paths_can_be_added_and_a_worker_says_if_they_contain_the_store(tmp_path: Path) -> None:
    for name in ("model", "reports"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("content")
    with running_service("", tmp_path, **TYPES) as service:
        paths = {
            "JOB_READ_PATHS": str(tmp_path / "model"),
            "JOB_WRITE_PATHS": f"{tmp_path / 'reports'},/tmp",
        }
        worker = service.worker(**paths)
        assert "DATA_DIR" in worker.logged(NOT_ISOLATED)["not_enforced"]  # the test is in /tmp
        assert tried(service, "read", tmp_path / "model" / "file") == "content"
        assert tried(service, "read", tmp_path / "reports" / "file") == "content"
        assert tried(service, "write", tmp_path / "reports" / "new") == 1
        worker.stop()
        worker = service.worker(JOB_READ_PATHS=str(tmp_path / "model"))
        assert tried(service, "write", tmp_path / "model" / "new") in DENIED
        worker.stop()
        worker = service.worker(JOB_WRITE_PATHS="/")
        assert tried(service, "read", tmp_path / "data" / "jobs.db").startswith("SQLite")


def test_uploads_that_cannot_be_linked_can_be_read_and_a_worker_says_so(tmp_path: Path) -> None:
    if not os.access("/dev/shm", os.W_OK) or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("there is no second disk")
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm") as other,
        running_service("", tmp_path, **TYPES, UPLOADS_URL=f"file://{other}/up") as service,
    ):
        worker = service.worker()
        assert f"{other}/up/files" in worker.logged(NOT_ISOLATED)["not_enforced"]
        for do in ("read", "read_by_program"):
            assert tried_with_file(service, b"elsewhere", do) == "elsewhere"
        job = service.result(service.upload(b"an ERROR", {"patterns": ["ERROR"]}))
        assert job["result"]["counts"] == {"ERROR": 1}
        assert tried_with_file(service, b"elsewhere", "append") in DENIED
        assert tried(service, "read", tmp_path / "data" / "jobs.db") in DENIED


@pytest.mark.heavy
@pytest.mark.skipif(not seccomp.is_supported(), reason="this kernel has no system call filters")
def test_without_a_network_a_job_reaches_nothing() -> None:
    with short_folder() as folder, running_service("", folder, **TYPES) as service:
        port = service.base_url.rpartition(":")[2]
        worker = service.worker()
        assert tried(service, "fetch", port) == "HTTP/1.1 200"
        assert tried(service, "fetch_by_program", port) == "fetched"
        worker.stop()
        service.worker(JOB_NETWORK="none")
        assert tried(service, "fetch", port) in DENIED
        assert "Permission denied" in tried(service, "fetch_by_program", port)
        for family in ("INET", "INET6", "NETLINK", "PACKET"):
            for kind in ("STREAM", "DGRAM", "RAW"):
                assert tried(service, "open_socket", f"{family} {kind}") in DENIED
        assert tried(service, "open_socket", "UNIX STREAM") == "opened"
        assert tried(service, "use_python") == "works"
        job = service.result(service.upload(b"an ERROR", {"patterns": ["ERROR"]}))
        assert job["status"] == "succeeded"
