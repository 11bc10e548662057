"""Files that jobs leave, with real programs: stored, deleted, after a kill, and on a full disk."""

import hashlib
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from runner.pool.linux import landlock
from storage.jobs.file_rows import unused_files
from storage.open import Store, open_store
from storage.records.job_file import JobFile
from storage.settings.settings import Settings
from storage.store import JobStore
from tests.support.disk.small_disks import KINDS, MIB, small_disk
from tests.support.programs import WITHOUT_NAMESPACES, Service, running_service
from tests.support.servers.s3 import Bucket
from tests.support.waiting import wait_for

TYPES = "runner.job_types,tests.support.job_types.scripts"
LEAVE = """
for name in ('a.bin', 'deep/b.bin'):
    (context.files / name).parent.mkdir(exist_ok=True)
    (context.files / name).write_bytes(bytes(9 << 20) + name.encode())
"""
MANY = """
for number in range(300):
    (context.files / f'{number}').write_text(f'attempt {context.attempt}')
"""


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(database_url, tmp_path, JOB_TYPES=TYPES) as service:
        yield service


def script(service: Service, code: str, **options: Any) -> str:
    return service.submit("script", {"code": code}, **options)


def opened(service: Service) -> Store:
    return open_store(Settings.read(service.environ))


def files_of(store: Store, job_id: str) -> list[JobFile]:
    return JobStore(store.database, store.wakeup, store.clock).files(UUID(job_id))


def stored(service: Service) -> list[str]:
    return os.listdir(Path(service.environ["DATA_DIR"]) / "uploads" / "artifacts")


@pytest.mark.heavy
def test_files_are_stored_in_a_bucket_and_deleted_with_their_job(
    database_url: str, tmp_path: Path, bucket: Bucket
) -> None:
    settings = {**bucket.settings, "JOB_TYPES": TYPES}
    with running_service(database_url, tmp_path, **settings) as service:
        service.worker()
        job = service.result(script(service, LEAVE), timeout=50)
        assert (job["status"], job["files"]) == ("succeeded", 2), job
        store = opened(service)
        files = files_of(store, job["job_id"])
        store.close()
        assert [file.name for file in files] == ["a.bin", "deep/b.bin"]
        for file in files:
            data = bucket.read(f"artifacts/{file.key}")
            assert data == bytes(9 << 20) + file.name.encode()
            assert hashlib.sha256(data).hexdigest() == file.sha256
        assert len(bucket.keys()) == 2
        assert bucket.open_parts() == []
        assert service.call("DELETE", f"/jobs/{job['job_id']}")[0] == 204
        assert bucket.keys() == []


@pytest.mark.heavy
def test_a_worker_that_is_killed_while_it_stores_leaves_no_file_of_its_attempt(
    service: Service,
) -> None:
    worker = service.worker(LEASE_SECONDS="3")
    job_id = script(service, MANY)
    wait_for(lambda: len(stored(service)) > 3)
    worker.process.send_signal(signal.SIGKILL)
    worker.process.wait(10)
    assert service.job(job_id)["files"] == 0
    service.worker(LEASE_SECONDS="3")
    job = service.result(job_id, timeout=50)
    assert [each["outcome"] for each in job["attempts"]] == ["lost", "returned"]
    assert (job["status"], job["files"]) == ("succeeded", 300)
    store = opened(service)
    store.artifacts.sweep(partial(unused_files, store.database))
    files = files_of(store, job_id)
    store.close()
    assert {file.attempt for file in files} == {2}
    assert set(stored(service)) == {str(file.key) for file in files}


@pytest.mark.heavy
@pytest.mark.sqlite
def test_a_worker_that_stops_while_it_stores_gives_the_job_back(service: Service) -> None:
    worker = service.worker(DRAIN_SECONDS="0")
    job_id = script(service, MANY)
    wait_for(lambda: len(stored(service)) > 3)
    assert worker.stop() == 0
    job = service.job(job_id)
    if job["status"] == "queued":  # else the worker was faster
        assert [each["outcome"] for each in job["attempts"]] == ["released"]
        assert stored(service) == []
    service.worker()
    assert service.result(job_id, timeout=50)["files"] == 300


@pytest.mark.sqlite
def test_a_cancel_while_files_are_stored_leaves_none(service: Service) -> None:
    service.worker()
    job_id = script(service, MANY)
    wait_for(lambda: len(stored(service)) > 3)
    service.call("POST", f"/jobs/{job_id}/cancel")
    job = service.result(job_id)
    if job["status"] == "canceled":  # else the worker was faster
        assert job["files"] == 0
        wait_for(lambda: stored(service) == [])


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
def test_files_that_fill_the_disk_fail_the_attempt_and_leave_nothing(
    kind: str, tmp_path: Path
) -> None:
    code = """
size = 30 << 20 if context.attempt == 1 else 1000
(context.files / 'a').write_bytes(b'x' * size)
"""
    with small_disk(tmp_path / "disk", kind, 56 * MIB) as disk:
        settings = {"DATA_DIR": str(disk / "data"), "MIN_FREE_BYTES": "0", "JOB_TYPES": TYPES}
        with running_service("", tmp_path, **settings) as service:
            service.worker()
            job = service.result(script(service, code, backoff=0), timeout=50)
            first, second = job["attempts"]
            assert (first["outcome"], first["error"]["type"]) == ("raised", "DiskFull"), first
            assert "No space left on device" in first["error"]["message"]
            assert (second["outcome"], job["status"], job["files"]) == ("returned", "succeeded", 1)
            assert len(stored(service)) == 1
            work = Path(service.environ["DATA_DIR"]) / "work"
            wait_for(lambda: not list(work.glob("*/kept/*")))
            assert service.result(service.submit(payload={"seconds": 0}))["status"] == "succeeded"


REACH = """
from pathlib import Path

def tried(path):
    try:
        return path.read_text() if path.suffix else sorted(map(str, path.iterdir()))
    except OSError:
        return 'denied'

result = [tried(Path(path)) for path in PATHS]
"""


@pytest.mark.heavy
@pytest.mark.sqlite
@pytest.mark.skipif(landlock.abi_version() < landlock.MIN_ABI, reason="this kernel has no Landlock")
@pytest.mark.parametrize("namespaces", ["auto", "none"])
def test_a_job_cannot_reach_files_that_are_being_stored_or_are_stored(
    namespaces: str, tmp_path: Path
) -> None:
    """Without a mount namespace, Landlock hides the folder that the keeper moves files to, and the
    storage."""
    with running_service("", tmp_path, JOB_TYPES=TYPES, JOB_WRITE_PATHS="") as service:
        service.worker(**({} if namespaces == "auto" else WITHOUT_NAMESPACES))
        left = service.result(script(service, "(context.files / 'a').write_text('secret')"))
        assert left["files"] == 1
        artifacts = Path(service.environ["DATA_DIR"]) / "uploads" / "artifacts"
        [kept] = (artifacts.parents[1] / "work").glob("*/kept")
        (kept / "being.stored").write_text("secret")
        (artifacts / "is.stored").write_text("secret")
        paths = [kept, kept / "being.stored", artifacts, artifacts / "is.stored"]
        job = service.result(script(service, f"PATHS = {[*map(str, paths)]}{REACH}"))
        assert job["result"] == ["denied"] * 4
