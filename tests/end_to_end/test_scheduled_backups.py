"""Workers make backups at an interval: exactly one of them makes each, and everybody can see it."""

import contextlib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from admin.backup.destinations.folder import FolderPlace
from storage.db.backups_made import record_backup
from storage.open import new_database
from storage.settings.settings import Settings
from tests.support.backups import put_back, read_all
from tests.support.programs import Program, Service, running_service
from tests.support.waiting import wait_for


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(database_url, tmp_path) as service:
        yield service


def metrics(service: Service) -> dict[str, float]:
    """The metrics of backups, with their labels."""
    with urllib.request.urlopen(f"{service.base_url}/metrics", timeout=30) as response:
        lines = response.read().decode().splitlines()
    found = (line.rsplit(" ", 1) for line in lines if line.startswith("job_service_backup"))
    return {name.removeprefix("job_service_"): float(value) for name, value in found}


def is_backing_up(program: Program) -> bool:
    """Whether a worker has a process that makes a backup."""
    for process in program.family():
        with contextlib.suppress(psutil.Error):
            if "storage" in process.cmdline():
                return True
    return False


def logged(programs: list[Program], message: str) -> list[dict[str, Any]]:
    """The log lines with this message, of programs and of the processes that they have started."""
    return [line for each in programs for line in each.lines() if line.get("message") == message]


@pytest.mark.heavy
def test_one_of_two_workers_makes_the_backup(service: Service, tmp_path: Path) -> None:
    job_id = service.submit("sleep", {"seconds": 0}, run_at="2100-01-01T00:00:00Z")
    backups = tmp_path / "backups"
    workers = [service.worker(BACKUP_TO=str(backups)) for _ in range(2)]
    wait_for(lambda: logged(workers, "a backup was made"), 50)
    wait_for(lambda: not any(map(is_backing_up, workers)), 50)
    (line,) = logged(workers, "a backup was made")
    (name,) = FolderPlace(backups).manifests()
    assert line["backup"] == name
    assert (line["files"], line["deleted"], line["seconds_since_last"]) == (0, 0, None)
    assert 0 <= (found := metrics(service)).pop("backup_age_seconds") < 120
    assert found['backups_total{outcome="succeeded"}'] == 1
    assert read_all(backups).is_sound
    if not service.environ["DATABASE_URL"].startswith("postgresql"):
        put_back(backups, tmp_path / "new")
    assert service.job(job_id)["status"] == "queued"


@pytest.mark.sqlite
def test_a_backup_that_cannot_be_made_is_logged_and_counted(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    worker = service.worker(BACKUP_TO=str(tmp_path / "file" / "backups"))
    wait_for(lambda: logged([worker], "no backup was made"), 50)
    (line,) = logged([worker], "no backup was made")
    assert line["place"] == str(tmp_path / "file" / "backups")
    assert line["why"].startswith(f"{tmp_path / 'file'} is a file: give a folder")
    wait_for(lambda: metrics(service).get('backups_total{outcome="failed"}') == 1, 50)
    job_id = service.submit("sleep", {"seconds": 0})
    service.wait_for_status(job_id, "succeeded")


@pytest.mark.heavy
@pytest.mark.sqlite
def test_old_backups_are_deleted(service: Service, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    workers = [service.worker(BACKUP_TO=str(backups), BACKUP_KEEP="1")]
    wait_for(lambda: logged(workers, "a backup was made"), 50)
    first = FolderPlace(backups).manifests()
    settings = Settings.read(service.environ)
    with contextlib.closing(new_database(settings)) as database:
        record_backup(database, 0)  # a long time ago
    workers[0].stop()
    workers.append(service.worker(BACKUP_TO=str(backups), BACKUP_KEEP="1"))
    wait_for(lambda: logged(workers[1:], "a backup was made"), 50)
    (line,) = logged(workers[1:], "a backup was made")
    assert line["deleted"] == 1
    assert line["seconds_since_last"] > 86400
    assert len(FolderPlace(backups).manifests()) == 1
    assert FolderPlace(backups).manifests() != first
