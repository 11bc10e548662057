"""The checks of the store, and repairs, by the command."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from admin.doctor.examine import examine
from admin.doctor.findings.finding import Finding
from admin.doctor.findings.subject import Subject
from storage.db.backups_made import record_backup
from storage.db.clock import machine_clock
from storage.db.models import CounterRow, JobRow, QueueRow, TagRow
from storage.liveness import liveness
from tests.support.backups import store_upload
from tests.support.damaged_files import (
    add_jobs,
    copy_as_it_is,
    make_store_with_jobs,
    open_at,
    overwrite_pages,
)
from tests.support.disk.small_disks import small_disk
from tests.support.servers.s3 import Bucket
from tests.support.stores import Bench, die, folder_of, open_bench
from tests.support.warm_start import run_program

NOBODY = UUID(int=7)


@pytest.fixture
def environ(database_url: str, tmp_path: Path) -> dict[str, str]:
    return {"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": database_url, "PORT": "0"}


@pytest.fixture
def bench(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    with open_bench(database_url, tmp_path) as bench:
        bench.clock.now = machine_clock()
        yield bench


def doctor(environ: dict[str, str], *options: str) -> tuple[int, dict[str, Any]]:
    """Run the command; return its exit code and its document."""
    answer = run_program("storage", "doctor", "--json", *options, **environ)
    assert answer.stderr == ""
    return answer.returncode, json.loads(answer.stdout)


def bad(document: dict[str, Any]) -> dict[str, str]:
    """The checks with warnings and errors, each with its level."""
    harmful = ("warning", "error")
    found = [each for each in document["findings"] if each["level"] in harmful]
    of_tests = [each for each in found if each["what"] == "fsync is off"]  # on the tests' server
    return {each["check"]: each["level"] for each in found if each not in of_tests}


def found_by(environ: dict[str, str], check: str, thorough: bool = False) -> list[Finding]:
    subject = Subject(environ, thorough)
    try:
        return [each for each in examine(subject) if each.check == check]
    finally:
        subject.close()


def test_a_store_without_faults_has_no_warning_and_nothing_is_changed(
    bench: Bench, environ: dict[str, str]
) -> None:
    bench.runner()
    bench.enqueue(tags=["a"])
    code, document = doctor(environ)
    assert (code == 0 or bench.store.database.postgresql, bad(document)) == (True, {})
    checks = {each["check"] for each in document["findings"]}
    database = "postgresql" if bench.store.database.postgresql else "sqlite"
    assert {"settings", "schema", "counters", "orphans", "files", "jobs", database} <= checks


@pytest.mark.heavy
def test_wrong_counters_and_lone_rows_are_found_and_repaired_while_programs_run(
    bench: Bench, environ: dict[str, str]
) -> None:
    bench.runner()
    bench.enqueue()
    database = bench.store.database
    database.run(TagRow.insert(tag="t", job_id=NOBODY))
    database.run(CounterRow.delete().where(CounterRow.type == "sleep"))
    writer = bench.store.uploads.writer()
    lone = folder_of(bench.store).path(writer.finish("a.log", "0"))
    os.utime(lone, (1, 1))
    code, document = doctor(environ)
    assert (code, bad(document)) == (1, {"counters": "error", "orphans": "warning"})
    assert document["fixed"] == []
    fixes = {e["fix"] for e in document["findings"] if e["check"] in ("counters", "orphans")}
    assert fixes == {"python -m storage doctor --fix"}
    code, document = doctor(environ, "--fix")
    assert (code == 0 or database.postgresql, bad(document)) == (True, {})
    assert [each.partition(" ")[0] for each in document["fixed"]] == ["the", "deleted", "deleted"]
    assert document["fixed"][1:] == ["deleted 1 tag without a job", "deleted 1 file without a row"]
    assert database.rows(TagRow.select()) == []
    assert not lone.exists()
    assert doctor(environ, "--fix")[1]["fixed"] == []
    assert [row["type"] for row in database.rows(JobRow.select())] == ["sleep"]


@pytest.mark.sqlite
def test_jobs_that_nobody_can_run_are_reported_with_what_mends_it(
    bench: Bench, environ: dict[str, str]
) -> None:
    bench.queues.put("gone")
    bench.enqueue(queue="gone")
    bench.enqueue(type="unheard_of")
    bench.store.database.run(QueueRow.delete().where(QueueRow.name == "gone"))
    found = found_by(environ, "jobs")
    assert [each.what for each in found] == [
        "1 queued job cannot run: no worker runs, for queue default",
        "1 queued job cannot run: queue gone does not exist",
        "1 queued job cannot run: there is no job type unheard_of here",
    ]
    assert [each.level for each in found] == ["warning", "error", "warning"]
    assert all(each.why and each.fix for each in found)


def test_a_worker_that_was_lost_is_named_for_a_day(
    bench: Bench, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not bench.store.database.postgresql:
        return  # there, a worker that is stopped keeps its jobs
    with monkeypatch.context() as patch:
        patch.setattr(liveness, "new_runner_name", lambda: "0a1b2c3d4e5f-7-0a1b2c3d-aaaaaa")
        silent = bench.runner()
    bench.enqueue()
    silent.claim_one()
    die(bench, silent)
    bench.runner().rescuer.rescue()
    (found,) = [each for each in found_by(environ, "jobs") if each.level == "warning"]
    name = "worker 0a1b2c3d4e5f-7-0a1b2c3d-aaaaaa"
    assert found.what.startswith(f"{name} has not been heard from since 20")
    assert found.what.endswith("Z: 1 of its jobs was queued again")
    assert "docker unpause 0a1b2c3d4e5f" in found.fix
    with monkeypatch.context() as patch:
        patch.setattr(liveness, "new_runner_name", lambda: "0a1b2c3d4e5f-9-0a1b2c3d-bbbbbb")
        bench.runner()
    assert "note" in [each.level for each in found_by(environ, "jobs")]  # its successor runs


@pytest.mark.sqlite
def test_a_broken_job_type_is_reported(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "types").mkdir()
    (tmp_path / "types" / "broken.py").write_text("import nothing_of_this_name\n")
    (found,) = found_by({**environ, "JOB_TYPES_FOLDER": str(tmp_path / "types")}, "job_types")
    assert found.level == "error"
    assert "broken.py" in found.what
    assert "types check" in found.fix


@pytest.mark.sqlite
def test_the_checks_of_a_store_make_no_folder_for_uploads(
    bench: Bench, environ: dict[str, str], tmp_path: Path
) -> None:
    bench.enqueue()
    assert found_by({**environ, "UPLOADS_URL": f"file://{tmp_path}/none"}, "files") == []
    assert not (tmp_path / "none").exists()


@pytest.mark.sqlite
def test_missing_stored_files_are_an_error(bench: Bench, environ: dict[str, str]) -> None:
    writer = bench.store.uploads.writer()
    writer.write(b"abc")
    upload = writer.finish("a.log", "0")
    bench.enqueue(upload=upload)
    assert [each.level for each in found_by(environ, "files")] == ["ok"]
    folder_of(bench.store).path(upload).unlink()
    (found,) = [each for each in found_by(environ, "files") if each.level != "ok"]
    assert found.level == "error"
    assert str(upload.id) in found.what


@pytest.mark.sqlite
@pytest.mark.parametrize("is_mounted", [False, True])
def test_a_lost_folder_of_stored_files_is_an_error(
    bench: Bench, environ: dict[str, str], tmp_path: Path, is_mounted: bool
) -> None:
    """Another disk is mounted there, or none."""
    bench.enqueue(upload=store_upload(bench, b"abc"))
    elsewhere = tmp_path / "elsewhere"
    if is_mounted:
        elsewhere.mkdir()
    (found,) = found_by({**environ, "UPLOADS_URL": f"file://{elsewhere}"}, "files")
    assert (found.level, found.what) == (
        "error",
        f"jobs have stored files, and {elsewhere} has none",
    )
    assert elsewhere.exists() == is_mounted


@pytest.mark.sqlite
def test_changes_that_were_lost_with_a_wal_are_an_error(tmp_path: Path) -> None:
    store = open_at(tmp_path / "killed")
    add_jobs(store, 2)
    copy_as_it_is(tmp_path / "killed", tmp_path / "data")
    store.close()
    (tmp_path / "data" / "jobs.db-wal").unlink()
    environ = {"DATA_DIR": str(tmp_path / "data"), "PORT": "0"}
    for _ in range(2):  # also the second time, since nothing was changed
        code, document = doctor(environ)
        assert (code, bad(document)["sqlite"]) == (1, "error")
    assert "WAL was deleted" in str(document)


@pytest.mark.sqlite
def test_a_damaged_file_is_an_error_and_is_not_repaired(
    environ: dict[str, str], tmp_path: Path
) -> None:
    make_store_with_jobs(tmp_path / "data")
    environ["DATABASE_URL"] = ""
    file = tmp_path / "data" / "jobs.db"
    overwrite_pages(file, 20)
    code, document = doctor(environ)
    assert (code, bad(document)["sqlite"]) == (1, "error")
    Path(f"{file}-damaged").write_text("found")
    answer = run_program("storage", "doctor", "--fix", **environ)
    assert answer.returncode == 1
    assert "\nnot done: " in f"\n{answer.stderr}"
    assert "is damaged" in answer.stderr


@pytest.mark.sqlite
def test_the_checks_of_a_new_installation_make_no_files(
    environ: dict[str, str], tmp_path: Path
) -> None:
    environ["DATABASE_URL"] = ""
    code, document = doctor(environ)
    assert code == 0
    assert not (tmp_path / "data").exists()
    assert "there is no database yet" in json.dumps(document)


@pytest.mark.heavy
def test_an_empty_database_is_no_error_but_the_schema_of_an_earlier_release_is_one(
    empty_database_url: str, tmp_path: Path
) -> None:
    environ = {"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": empty_database_url, "PORT": "0"}
    _, document = doctor(environ)
    assert bad(document) == {}
    with open_bench(empty_database_url, tmp_path) as bench:
        bench.store.database.execute("DELETE FROM schema_migration WHERE name = '0052_lost_runner'")
    _, document = doctor(environ)
    (found,) = [each for each in document["findings"] if each["check"] == "schema"]
    assert (found["level"], "1 migration is missing, 0052" in found["what"]) == ("error", True)
    assert "release 0.2.0" in found["fix"]


def test_settings_of_the_server_that_lose_jobs_are_reported(
    bench: Bench, environ: dict[str, str]
) -> None:
    if not bench.store.database.postgresql:
        return
    name = bench.store.database.engine.database
    bench.store.database.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    try:
        found = found_by(environ, "postgresql")
    finally:
        bench.store.database.execute(f'ALTER DATABASE "{name}" RESET synchronous_commit')
    assert "synchronous_commit is off" in [each.what for each in found]
    assert "ALTER SYSTEM SET synchronous_commit = on" in repr(found)


@pytest.mark.sqlite
def test_a_bucket_that_can_be_used_is_fine_and_nothing_is_left_in_it(
    bucket: Bucket, environ: dict[str, str], bench: Bench
) -> None:
    for thorough in (False, True):
        (found,) = found_by({**environ, **bucket.settings}, "bucket", thorough)
        assert found.level == "ok", found
        assert bucket.keys() == []
    lacks = {**environ, **bucket.settings, "UPLOADS_URL": "s3://no-such-bucket"}
    found = found_by(lacks, "bucket")[0]
    assert found.level == "error"
    assert "s3:ListBucket" in found.fix


@pytest.mark.sqlite
def test_warnings_are_errors_with_strict(environ: dict[str, str]) -> None:
    given = {**environ, "CONCURENCY_LIMIT": "4", "LANG": "C.UTF-8"}
    plain = run_program("storage", "doctor", **given)
    assert (plain.returncode, plain.stderr) == (0, "")
    last = plain.stdout.splitlines()
    assert "1 warning" in last[-1]
    assert "         fix: rename it to CONCURRENCY_LIMIT, or unset it" in last
    assert run_program("storage", "doctor", "--strict", **given).returncode == 1


@pytest.mark.heavy
def test_old_backups_and_a_place_on_the_same_disk_are_found(
    bench: Bench, environ: dict[str, str], tmp_path: Path
) -> None:
    (found,) = found_by(environ, "backups")
    assert (found.level, found.what) == ("note", "no backup was made yet")
    for hours, given, level in (
        (1, {}, "ok"),
        (8 * 24, {}, "warning"),
        (8 * 24, {"BACKUP_TO": "s3://bucket/backups", "BACKUP_INTERVAL_SECONDS": "604800"}, "ok"),
        (3, {"BACKUP_TO": "s3://bucket/backups", "BACKUP_INTERVAL_SECONDS": "3600"}, "warning"),
    ):
        record_backup(bench.store.database, machine_clock() - hours * 3_600_000)
        (found,) = found_by(environ | given, "backups")
        assert (found.level, f"{hours}.0 hours ago" in found.what) == (level, True), found
    (tmp_path / "backups").mkdir()
    *_, place = found_by(environ | {"BACKUP_TO": str(tmp_path / "backups")}, "backups")
    assert (place.level, "same file system as DATA_DIR" in place.what) == ("note", True)
    with small_disk(tmp_path / "small", "tmpfs", 1024**2) as small:
        *_, place = found_by(environ | {"BACKUP_TO": f"{small}/jobs"}, "backups")
    assert (place.level, "in memory (tmpfs at" in place.what) == ("warning", True)
    (tmp_path / "file").touch()
    for bad_place in ("/proc/backups", tmp_path / "file", tmp_path / "file" / "backups"):
        *_, place = found_by(environ | {"BACKUP_TO": str(bad_place)}, "backups")
        assert (place.level, str(bad_place) in place.what) == ("error", True)
    assert not [*(tmp_path / "backups").iterdir()]
