"""Programs that open one store at the same time."""

import errno
import fcntl
import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest

from storage import open as open_module
from storage.open import open_store, open_when_possible
from storage.records.job import StoreError, StoreUnavailable
from storage.settings.settings import Settings
from tests.support.waiting import wait_for


def is_waited_for(lock: Path) -> bool:
    """Return whether the kernel knows a process that waits for an flock on a file."""
    number = f":{lock.stat().st_ino} "
    locks = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and number in line for line in locks)


def test_a_program_waits_while_another_creates_the_schema(tmp_path: Path) -> None:
    lock = tmp_path / "schema.lock"
    settings = Settings.read({"DATA_DIR": str(tmp_path)})
    opener = threading.Thread(target=lambda: open_store(settings).close())
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        opener.start()
        wait_for(lambda: is_waited_for(lock))
        assert not (tmp_path / "jobs.db").exists()
    opener.join(10)
    assert (tmp_path / "jobs.db").exists()


NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """Run the block as a user without rights."""
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def let_others_reach(folder: Path) -> None:
    """Let other users enter a temporary folder, and look into it."""
    for each in (folder, *folder.parents):
        if each != Path(gettempdir()) and each.is_relative_to(gettempdir()):
            each.chmod(0o755)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the place of another user")
@pytest.mark.parametrize("name", ["", "jobs.db", "uploads"])
def test_a_folder_that_may_not_be_written_is_reported_with_the_remedy(
    tmp_path: Path, name: str
) -> None:
    let_others_reach(tmp_path)
    data = tmp_path / "data"
    data.mkdir(0o755)
    if name:
        os.chown(data, NOBODY, NOBODY)
        (data / name).touch(0o600) if name == "jobs.db" else (data / name).mkdir(0o700)
    with as_nobody(), pytest.raises(StoreError) as caught:
        open_store(Settings.read({"DATA_DIR": str(data)}))
    problem = f"user 65534 may not write to {data / name}, which belongs to user 0: run "
    assert problem in str(caught.value)
    assert f"chown -R 65534:65534 {data / name}" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the place of another user")
@pytest.mark.parametrize(("name", "mode"), [("jobs.db", "u+rw"), ("uploads", "u+rwx")])
def test_an_own_file_that_is_read_only_is_reported_with_the_remedy(
    tmp_path: Path, name: str, mode: str
) -> None:
    let_others_reach(tmp_path)
    path = tmp_path / name
    path.touch() if name == "jobs.db" else path.mkdir()
    path.chmod(0o444)
    for each in (tmp_path, path):
        os.chown(each, NOBODY, NOBODY)
    with as_nobody(), pytest.raises(StoreError, match="which is its own") as caught:
        open_store(Settings.read({"DATA_DIR": str(tmp_path)}), timeout=0)
    assert str(caught.value).endswith(f"run `chmod {mode} {path}`")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take the place of another user")
def test_a_folder_of_its_own_is_enough(tmp_path: Path) -> None:
    let_others_reach(tmp_path)
    data = tmp_path / "data"
    data.mkdir(0o700)
    os.chown(data, NOBODY, NOBODY)
    with as_nobody():
        open_store(Settings.read({"DATA_DIR": str(data)})).close()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("place", ["make_folder", "tighten", "open_uploads", "_wakeup"])
def test_a_program_waits_while_a_disk_is_full_or_fails(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    number: int,
    place: str,
) -> None:
    real, failures = getattr(open_module, place), [OSError(number, os.strerror(number))] * 2

    def fail_twice(*args: Any) -> Any:
        if failures:
            raise failures.pop()
        return real(*args)

    monkeypatch.setattr(open_module, place, fail_twice)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    open_store(Settings.read({"DATA_DIR": str(tmp_path / "data")})).close()
    said = [each for each in caplog.records if "cannot start yet" in each.message]
    assert len(said) == 1  # the same reason is logged once a minute
    assert os.strerror(number) in said[0].reason  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('FATAL: password authentication failed for user "jobs"', open_module.MISTAKE_SECONDS),
        ('FATAL: database "jobs" does not exist', open_module.MISTAKE_SECONDS),
        ("FATAL: the database system is shutting down", math.inf),
        ("connection refused", math.inf),
        ("database or disk is full", math.inf),
    ],
)
def test_a_program_waits_for_good_unless_its_settings_may_be_wrong(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: float
) -> None:
    now = 0.0

    def sleep(pause: float) -> None:
        nonlocal now
        now += pause

    def fail() -> None:
        raise StoreUnavailable(text)

    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "sleep", sleep)
    with pytest.raises(StoreUnavailable):
        open_when_possible(fail, lambda: now >= 7200)
    assert now == min(7200, seconds + 1)
