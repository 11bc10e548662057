"""A worker reports the isolation of its jobs. Without some parts of it, it does not start."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.config import RunnerSettings
from runner.isolation import job_access
from runner.pool.linux import landlock, seccomp
from runner.pool.linux.work_folders import RunnerFolder
from runner.pool.pool import PoolError
from storage.records.job import StoreFull
from storage.settings.settings import SettingsError
from tests.support.disk.small_disks import fill_disk, small_disk


@pytest.fixture
def work_place(tmp_path: Path) -> Iterator[RunnerFolder]:
    folder = RunnerFolder(tmp_path / "data" / "work")
    yield folder
    folder.close()


def settings(tmp_path: Path, **environ: str) -> RunnerSettings:
    return RunnerSettings.read({"DATA_DIR": str(tmp_path / "data"), **environ})


@pytest.mark.parametrize(
    ("abi", "reported"),
    [
        (-1, ["Linux 5.19"]),
        (1, ["Linux 5.19"]),
        (2, ["Linux 6.2", "Linux 6.10", "Linux 6.12"]),
        (3, ["Linux 6.10", "Linux 6.12"]),
        (5, ["Linux 6.12"]),
        (6, []),
        (9, []),
    ],
)
def test_what_the_kernel_cannot_enforce_is_reported_in_one_line(
    abi: int,
    reported: list[str],
    tmp_path: Path,
    work_place: RunnerFolder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(landlock, "abi_version", lambda: abi)
    job_access(settings(tmp_path), None, work_place)
    found = [vars(record)["not_enforced"] for record in caplog.records]
    assert len(found) == bool(reported)
    for version in reported:
        assert version in found[0]


def test_a_worker_that_cannot_block_the_network_does_not_start(
    tmp_path: Path, work_place: RunnerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seccomp, "is_supported", lambda: True)
    without = settings(tmp_path, JOB_NETWORK="none")
    assert not job_access(without, None, work_place).network
    bucket = settings(tmp_path, JOB_NETWORK="none", UPLOADS_URL="s3://bucket/x")
    with pytest.raises(PoolError, match="S3"):
        job_access(bucket, None, work_place)
    monkeypatch.setattr(seccomp, "is_supported", lambda: False)
    with pytest.raises(PoolError, match="JOB_NETWORK=none"):
        job_access(without, None, work_place)


@pytest.mark.heavy
def test_jobs_may_not_read_all_uploads_because_the_disk_is_full(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "data", "ext4") as disk,
        contextlib.closing(RunnerFolder(disk / "work")) as work_place,
    ):
        with fill_disk(disk), pytest.raises(StoreFull, match="No space left"):
            job_access(settings(tmp_path), None, work_place)
        assert job_access(settings(tmp_path), None, work_place).read == ()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("JOB_NETWORK", "some", "JOB_NETWORK=some"),
        ("JOB_READ_PATHS", "models", "must begin with /"),
        ("JOB_WRITE_PATHS", "/usr,/no/such/folder", "there is no /no/such/folder"),
    ],
)
def test_wrong_settings_are_reported(name: str, value: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        RunnerSettings.read({name: value})
