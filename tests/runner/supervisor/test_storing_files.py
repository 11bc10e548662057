"""Files that jobs leave: from `context.files` to the store, in a real worker."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from runner.files.folder import FileLimits
from runner.job_types.base import FILES_FOLDER
from runner.pool.linux.kept_files import STORED_FILES
from runner.supervisor import file_storer
from storage.files.artifacts import FolderArtifacts, FolderArtifactWriter
from storage.jobs.file_rows import unused_files
from storage.records.job import Job, StoreFull, StoreInDoubt, StoreUnavailable
from storage.records.job_file import ArtifactKey
from tests.support.waiting import wait_for
from tests.support.workers import Worker, another_runner, open_worker

LEAVE = """
(context.files / 'a.txt').write_text('one')
(context.files / 'b').mkdir()
(context.files / 'b' / 'c.csv').write_text('1,2')
result = 'done'
"""


@pytest.fixture
def worker(database_url: str, tmp_path: Path) -> Iterator[Worker]:
    with open_worker(database_url, tmp_path, files=FileLimits(20, 1 << 20)) as worker:
        yield worker


def script(worker: Worker, code: str, **options: Any) -> UUID:
    return worker.enqueue("script", payload={"code": code}, **options)


def run(worker: Worker, code: str, **options: Any) -> Job:
    job, _ = worker.ended(script(worker, code, max_retries=0, **options))
    return job


def contents(worker: Worker, job: Job) -> dict[str, bytes]:
    artifacts = worker.store.artifacts
    assert isinstance(artifacts, FolderArtifacts)
    files = worker.jobs.files(job.id)
    return {file.name: artifacts.path(file.key).read_bytes() for file in files}


def stored(worker: Worker) -> list[str]:
    folder = worker.store.uploads.folder
    assert folder
    return os.listdir(folder / "artifacts")


def kept(worker: Worker) -> list[str]:
    return [
        name
        for folder in (worker.store.settings.data_dir / "work").iterdir()
        for name in os.listdir(folder / "kept")
    ]


def test_the_keeper_looks_for_the_folder_of_the_context() -> None:
    assert STORED_FILES == FILES_FOLDER


def test_files_are_stored_with_their_job(worker: Worker) -> None:
    job = run(worker, LEAVE)
    assert (job.status, job.result, job.files) == ("succeeded", "done", 2)
    assert contents(worker, job) == {"a.txt": b"one", "b/c.csv": b"1,2"}
    assert kept(worker) == []


@pytest.mark.sqlite
def test_a_job_that_leaves_no_files_has_none(worker: Worker) -> None:
    for code in ("", "context.files", "import os; os.mkdir('files'); open('files/a', 'w')"):
        job = run(worker, code)
        assert (job.status, job.files, contents(worker, job)) == ("succeeded", 0, {})
    assert stored(worker) == []


@pytest.mark.heavy
@pytest.mark.sqlite
def test_many_jobs_leave_files_one_after_the_other(worker: Worker) -> None:
    ids = [script(worker, f"(context.files / 'n').write_text('{n}')") for n in range(30)]
    worker.turn_until(lambda: all(worker.job(job_id).final for job_id in ids))
    for number, job_id in enumerate(ids):
        assert contents(worker, worker.job(job_id)) == {"n": str(number).encode()}
    assert len(stored(worker)) == 30


@pytest.mark.sqlite
def test_paths_that_a_job_returns_become_its_files(worker: Worker) -> None:
    code = """
from pathlib import Path
Path('out.txt').write_text('x')
Path('pages').mkdir()
for name in 'ba': Path('pages', name).write_text(name)
(context.files / 'there.txt').write_text('y')
result = [Path('out.txt'), Path('pages').absolute(), context.files / 'there.txt']
"""
    job = run(worker, code)
    assert job.result == {"files": ["out.txt", "pages/a", "pages/b", "there.txt"]}
    assert contents(worker, job) == {
        "out.txt": b"x",
        "pages/a": b"a",
        "pages/b": b"b",
        "there.txt": b"y",
    }
    job = run(worker, "from pathlib import Path; result = Path('a'); result.write_text('z')")
    assert (job.result, contents(worker, job)) == ({"files": ["a"]}, {"a": b"z"})


@pytest.mark.heavy
@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("'/etc/hostname'", "not in the work folder"),
        ("'../../../x'", "not in the work folder"),
        ("'.'", "not in the work folder"),
        ("'nothing'", "no such file"),
        ("'link'", "not in the work folder"),
        ("'a'", "another file named 'a'"),
    ],
)
def test_a_path_that_cannot_become_a_file_fails_the_job(
    worker: Worker, path: str, message: str
) -> None:
    code = f"""
from pathlib import Path
Path('link').symlink_to('/etc/hostname')
Path('a').write_text('1')
(context.files / 'a').write_text('2')
result = Path({path})
"""
    job = run(worker, code)
    assert (job.status, job.files, stored(worker)) == ("failed", 0, [])
    assert job.error
    assert message in job.error["message"]


HOSTILE = [
    ("(context.files / 'l').symlink_to('/etc/passwd')", "'l': it is a symbolic link"),
    ("import os; os.mkfifo(context.files / 'f')", "'f': it is a FIFO"),
    ("open(os.fsencode(context.files) + b'/\\xff', 'w')", "its name is not UTF-8"),
    ("[(context.files / n).write_text(n) for n in ('A', 'a')]", "only in case"),
    ("(context.files / 'a\\nb').write_text('')", "the character '\\n'"),
    ("(context.files / ('x' * 255)).mkdir(); (context.files / ('x' * 255) / 'y').touch()", "257 b"),
    ("[(context.files / str(n)).touch() for n in range(21)]", "more than 20 files"),
    ("open(context.files / 's', 'w').truncate(1 << 40)", "more than 1048576 bytes"),
]


@pytest.mark.heavy
@pytest.mark.sqlite
@pytest.mark.parametrize(("code", "message"), HOSTILE)
def test_files_that_cannot_be_stored_fail_the_job_for_good(
    worker: Worker, code: str, message: str
) -> None:
    job, _ = worker.ended(script(worker, f"import os\n{code}", max_retries=3))
    assert (job.status, job.attempt, job.result, job.files) == ("failed", 1, None, 0)
    assert job.error
    assert job.error["type"] == "InvalidFiles"
    assert message in job.error["message"]
    assert (stored(worker), kept(worker)) == ([], [])


@pytest.mark.heavy
@pytest.mark.sqlite
@pytest.mark.parametrize(
    "code",
    [
        "os.rmdir(context.files); os.symlink('/etc', context.files)",
        "os.rmdir(context.files); os.symlink(victim, context.files)",
        "os.rmdir(context.files); open(context.files, 'w')",
        "folder = os.getcwd(); os.rename(folder, folder + 'x'); os.symlink(victim, folder)",
    ],
)
def test_a_job_cannot_store_what_is_outside_of_its_folder(
    worker: Worker, code: str, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    (victim / STORED_FILES).mkdir(parents=True)
    (victim / STORED_FILES / "secret").write_text("secret")
    (victim / "secret").write_text("secret")
    job = run(worker, f"import os\nvictim = {str(victim)!r}\ncontext.files\n{code}")
    assert (job.files, stored(worker)) == (0, [])
    assert (victim / STORED_FILES / "secret").read_text() == "secret"
    assert (victim / "secret").exists()


@pytest.mark.heavy
def test_files_of_an_attempt_that_fails_are_not_stored(worker: Worker, tmp_path: Path) -> None:
    for end in ("raise ValueError", "import os; os._exit(3)", "import time; time.sleep(60)"):
        job = run(worker, f"{LEAVE}\n{end}", timeout=2)
        assert (job.status, job.files) == ("failed", 0)
    code = f"{LEAVE}\nif context.attempt == 1: raise ValueError\n"
    job, _ = worker.ended(script(worker, code, backoff=0))
    worker.turn_until(lambda: worker.job(job.id).final)
    files = worker.jobs.files(job.id)
    assert [(file.name, file.attempt) for file in files] == [("a.txt", 2), ("b/c.csv", 2)]
    assert len(stored(worker)) == 2


class Gate:
    """Lets the writing of files wait, so that tests can act in the middle of it."""

    def __init__(self, patch: pytest.MonkeyPatch):
        self.reached, self.opened = threading.Event(), threading.Event()
        write = FolderArtifactWriter.write

        def wait_and_write(writer: FolderArtifactWriter, data: bytes) -> None:
            self.reached.set()
            assert self.opened.wait(30)
            write(writer, data)

        patch.setattr(FolderArtifactWriter, "write", wait_and_write)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(monkeypatch)
    yield gate
    gate.opened.set()


@pytest.mark.sqlite
def test_the_loop_goes_on_while_files_are_stored(worker: Worker, gate: Gate) -> None:
    job_id = script(worker, LEAVE)
    worker.turn_until(gate.reached.is_set)
    other, _ = worker.ended(worker.enqueue("sleep", payload={"seconds": 0}))
    assert (other.status, worker.job(job_id).status) == ("succeeded", "running")
    gate.opened.set()
    worker.turn_until(lambda: worker.job(job_id).final)
    assert worker.job(job_id).files == 2


@pytest.mark.sqlite
def test_a_job_holds_its_slot_until_its_files_are_stored(
    database_url: str, tmp_path: Path, gate: Gate
) -> None:
    with open_worker(database_url, tmp_path, size=1) as worker:
        script(worker, LEAVE)
        worker.turn_until(gate.reached.is_set)
        other = worker.enqueue("sleep", payload={"seconds": 0})
        for _ in range(5):
            worker.supervisor.tick()
        assert worker.job(other).status == "queued"
        gate.opened.set()
        worker.turn_until(lambda: worker.job(other).final)


def test_a_cancel_while_files_are_stored_leaves_none(worker: Worker, gate: Gate) -> None:
    job_id = script(worker, LEAVE)
    worker.turn_until(gate.reached.is_set)
    worker.jobs.cancel(job_id)
    job, attempt = worker.ended(job_id)
    assert (job.status, job.files, job.result, attempt.outcome) == ("canceled", 0, None, "canceled")
    gate.opened.set()
    wait_for(lambda: stored(worker) == [] and kept(worker) == [])


def test_a_worker_that_stops_while_files_are_stored_releases_the_job(
    database_url: str, tmp_path: Path, gate: Gate
) -> None:
    with open_worker(database_url, tmp_path) as worker:
        job_id = script(worker, LEAVE)
        worker.turn_until(gate.reached.is_set)
        worker.supervisor.drain()
        worker.turn_until(worker.supervisor.is_drained)
        job = worker.job(job_id)
        assert (job.status, job.retry_count, job.attempts[0].outcome) == ("queued", 0, "released")
        gate.opened.set()
        wait_for(lambda: stored(worker) == [])


def test_files_of_an_attempt_that_another_runner_took_over_are_deleted(
    worker: Worker, gate: Gate
) -> None:
    job_id = script(worker, LEAVE)
    worker.turn_until(gate.reached.is_set)
    fence = worker.job(job_id).fence
    other = another_runner(worker.store, worker.store.liveness(30))
    other.release(fence)
    (taken,) = other.claim(1)
    assert (taken.id, taken.attempt) == (job_id, 2)
    gate.opened.set()
    worker.turn_until(lambda: stored(worker) == [] and not len(worker.supervisor._running_jobs))
    assert (worker.job(job_id).status, worker.jobs.files(job_id)) == ("running", [])


def test_a_commit_in_doubt_keeps_the_files_that_it_has_stored(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, failures = worker.claims.settle_and_claim, list[Any]()

    def commit_and_fail(settlements: Any = (), *arguments: Any, **options: Any) -> Any:
        done = settle(settlements, *arguments, **options)
        if settlements and not failures:
            failures.append(settlements)
            raise StoreInDoubt("the connection was lost")
        return done

    monkeypatch.setattr(worker.claims, "settle_and_claim", commit_and_fail)
    job = run(worker, LEAVE)
    worker.turn_until(lambda: not worker.supervisor._unsettled)
    assert failures
    assert (job.status, len(contents(worker, job))) == ("succeeded", 2)
    worker.store.artifacts.sweep(lambda keys: unused_files(worker.store.database, keys))
    assert len(stored(worker)) == 2


@pytest.mark.sqlite
def test_storing_waits_for_a_storage_that_is_not_available(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_storer, "_RETRY_SECONDS", (0.01, 0.01))
    finish, failures = FolderArtifactWriter.finish, iter(range(9))

    def fail_twice(writer: FolderArtifactWriter) -> None:
        if next(failures) < 2:
            raise StoreUnavailable("the bucket is away")
        finish(writer)

    monkeypatch.setattr(FolderArtifactWriter, "finish", fail_twice)
    job = run(worker, LEAVE)
    assert (job.status, job.files, len(stored(worker))) == ("succeeded", 2, 2)


@pytest.mark.heavy
@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("error", "type"),
    [
        (StoreUnavailable("the bucket is away"), "FilesNotStored"),
        (StoreFull("files of jobs: No space left on device"), "DiskFull"),
        (OSError(5, "Input/output error"), "FilesNotStored"),
        (ZeroDivisionError("a bug"), "FilesNotStored"),
    ],
)
def test_an_attempt_whose_files_cannot_be_stored_fails_and_is_retried(
    worker: Worker, error: Exception, type: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_storer, "_RETRY_SECONDS", ())

    def fail(writer: FolderArtifactWriter) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(FolderArtifactWriter, "finish", fail)
        job_id = script(worker, LEAVE, backoff=0, max_retries=1)
        worker.turn_until(
            lambda: worker.job(job_id).attempts[:1] and worker.job(job_id).attempts[0].outcome
        )
    worker.turn_until(lambda: worker.job(job_id).final)
    job = worker.job(job_id)
    failed = job.attempts[0].error
    assert failed
    assert failed["type"] == type
    assert "the files of the job were not stored" in failed["message"]
    assert (job.status, job.files, len(stored(worker))) == ("succeeded", 2, 2)


def test_files_of_a_dead_worker_are_swept(worker: Worker) -> None:
    """A worker that is killed while it stores files leaves some of them without rows."""
    job = run(worker, LEAVE)
    lost = ArtifactKey(job.id, 9, UUID(int=1))
    writer = worker.store.artifacts.writer(lost)
    writer.write(b"half of")
    assert str(lost) in stored(worker)
    worker.store.artifacts.sweep(lambda keys: unused_files(worker.store.database, keys))
    assert len(stored(worker)) == 2
    writer.abort()
