"""The commands `backup`, `verify` and `restore` of `python -m storage`, beside running programs."""

import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from admin.backup.destinations.folder import FolderPlace
from tests.support.backups import stored_in
from tests.support.disk.small_disks import small_disk
from tests.support.programs import running_service
from tests.support.servers.s3 import Bucket
from tests.support.stores import Bench, folder_of
from tests.support.transfers import fill_store
from tests.support.warm_start import run_program

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NAME = r"manifest-[0-9TZ.]+\.json"


def environ_of(bench: Bench) -> dict[str, str]:
    """The settings of the store."""
    settings = bench.store.settings
    return {
        "DATA_DIR": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "LOG_LEVEL": "WARNING",
    }


def run(environ: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run a command; return its exit code and its output."""
    ended = run_program("storage", *arguments, **environ)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.heavy
def test_a_store_is_backed_up_checked_and_restored(bench: Bench, tmp_path: Path) -> None:
    fill_store(bench)
    environ, backups = environ_of(bench), str(tmp_path / "backups")
    for _ in range(2):
        code, printed = run(environ, "backup", "--to", backups, "--keep", "1")
        assert code == 0, printed
        assert re.search(rf"{backups}: {NAME}, database and 2 files of 10.0 kB; ", printed)
        assert re.search(r"; [1-9][0-9.]* kB were new, in [0-9.]+ s\n", printed), printed
    assert "deleted 1 old backup, with " in printed
    code, printed = run({}, "verify", "--from", backups)
    assert code == 0, printed
    assert re.match(rf"{NAME}: complete; SQLite, 2 files, 10.0 kB, release", printed)
    new_store = {"DATA_DIR": str(tmp_path / "new")}
    code, printed = run(new_store, "restore", "--from", backups)
    assert code == 0, printed
    assert re.match(rf"restored {NAME} of release .*: 3 files, 10.0 kB", printed)
    code, printed = run(new_store, "restore", "--from", backups)
    assert code == 1
    assert "not restored: " in printed
    assert "exists: a backup is only restored into an empty place" in printed


@pytest.mark.heavy
@pytest.mark.parametrize("name", [uuid4(), f"artifacts/{uuid4()}.1.0"], ids=["upload", "job_file"])
def test_a_restore_does_not_share_the_uploads_of_another_service(
    bench: Bench, tmp_path: Path, bucket: Bucket, name: object
) -> None:
    """The settings were copied from the first machine, which still runs."""
    fill_store(bench)
    backups = str(tmp_path / "backups")
    assert run(environ_of(bench), "backup", "--to", backups)[0] == 0
    bucket.put(name, b"of a job of the first service")
    environ = {"DATA_DIR": str(tmp_path / "new"), **bucket.settings}
    code, printed = run(environ, "restore", "--from", backups)
    assert code == 1
    assert "not restored: UPLOADS_URL has stored files already. If another service" in printed
    assert not (tmp_path / "new/jobs.db").exists()
    assert len(bucket.keys()) == 1
    code, printed = run(environ, "restore", "--from", backups, "--adopt-uploads")
    assert code == 0, printed
    assert len(bucket.keys()) == 4


def test_a_restore_into_the_uploads_of_a_folder_keeps_the_files_that_are_there(
    bench: Bench, tmp_path: Path
) -> None:
    """Only the database was moved away."""
    fill_store(bench)
    environ, backups = environ_of(bench), str(tmp_path / "backups")
    assert run(environ, "backup", "--to", backups)[0] == 0
    new = {"DATA_DIR": str(tmp_path / "new")}
    shutil.copytree(bench.store.settings.data_dir / "uploads", tmp_path / "new/uploads")
    code, printed = run(new, "restore", "--from", backups)
    assert code == 0, printed
    elsewhere = {
        "DATA_DIR": str(tmp_path / "other"),
        "UPLOADS_URL": f"file://{tmp_path}/new/uploads",
    }
    code, printed = run(elsewhere, "restore", "--from", backups)
    assert (code, "UPLOADS_URL has stored files already" in printed) == (1, True), printed


def test_a_bucket_that_does_not_exist_is_named(bench: Bench, bucket: Bucket) -> None:
    fill_store(bench)
    theirs = {**bucket.settings, "UPLOADS_URL": ""}
    code, printed = run({**environ_of(bench), **theirs}, "backup", "--to", "s3://no-bucket/x")
    assert code == 1
    assert "no backup was made: s3://no-bucket/x: 404" in printed, printed


def test_damage_is_named_and_mended_by_the_next_backup(bench: Bench, tmp_path: Path) -> None:
    fill_store(bench)
    environ, backups = environ_of(bench), tmp_path / "backups"
    assert run(environ, "backup", "--to", str(backups))[0] == 0
    (first, *_) = stored_in(backups, "files")
    first.write_bytes(b"!")
    code, printed = run({}, "verify", "--from", str(backups), "--delete-damaged")
    assert code == 1
    assert f"DAMAGED: files/{first.parent.name}/{first.name}" in printed
    assert "LACKS 1 chunk or file" in printed
    assert run(environ, "backup", "--to", str(backups))[0] == 0
    assert run({}, "verify", "--from", str(backups))[0] == 0


def test_a_store_that_lacks_a_file_is_backed_up_with_another_exit_code(
    bench: Bench, tmp_path: Path
) -> None:
    fill_store(bench)
    (upload,) = (folder_of(bench.store).folder / "files").iterdir()
    upload.unlink()
    for path in (folder_of(bench.store).folder / "artifacts").iterdir():
        path.unlink()
    code, printed = run(environ_of(bench), "backup", "--to", str(tmp_path / "backups"))
    assert code == 3
    assert "NOT in the backup: überall.log of upload " in printed
    assert "it is missing from the store" in printed


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["backup", "--to", "http://x/y"], "it must be a folder, a file FILE.tar.zst, or s3://"),
        (["backup", "--to", "s3:/bucket/x"], "or s3://bucket/prefix; write ./NAME"),
        (["backup", "--to", "s3://bucket/x.tar.zst"], "an archive is a file of this machine"),
        (["backup", "--to", "S3://bucket/x"], "or s3://bucket/prefix; write ./NAME"),
        (["backup", "--to", "backup@box:/srv"], "or s3://bucket/prefix; write ./NAME"),
        (["verify", "--from", "file:/srv/backup"], "or s3://bucket/prefix; write ./NAME"),
        (["backup", "--to", "/x", "--keep", "0"], "a whole number, 1 or more"),
        (["backup", "--to", "/none/x.tar.zst"], "there is no folder /none: create it first"),
        (["backup", "--to", "/none/x.tar.gz"], "x.tar.gz is the name of an archive"),
        (["backup", "--to", "/none/x.zip"], "only .tar.zst is written: give such a name"),
        (["verify", "--from", "/none"], "there is no /none"),
        (["verify", "--from", str(Path(__file__).parent)], "Is it the right place?"),
        (["restore"], "--from"),
    ],
)
def test_a_wrong_call_is_explained(bench: Bench, arguments: list[str], message: str) -> None:
    code, printed = run(environ_of(bench), *arguments)
    assert code in (1, 2)
    assert message in printed


def test_a_restore_to_a_full_disk_says_so_and_leaves_no_store(bench: Bench, tmp_path: Path) -> None:
    backups = str(tmp_path / "backups")
    assert run(environ_of(bench), "backup", "--to", backups)[0] == 0
    with small_disk(tmp_path / "small", "tmpfs", 64 * 1024) as small:
        code, printed = run({"DATA_DIR": str(small)}, "restore", "--from", backups)
        assert (code, printed) == (1, f"not restored: {small}: No space left on device\n")
        assert not (small / "jobs.db").exists()


def test_a_place_that_is_lost_together_with_the_store_gets_a_warning(
    bench: Bench, tmp_path: Path
) -> None:
    environ, folder = environ_of(bench), tmp_path / "of: today"
    printed = run_program("storage", "backup", "--to", str(folder), **environ)
    assert (printed.returncode, folder.is_dir()) == (0, True)
    shared = f"warning: {folder} is on the same file system as DATA_DIR={environ['DATA_DIR']}: "
    assert printed.stderr == f"{shared}a disk that is lost takes the backups with it\n"
    with small_disk(tmp_path / "small", "tmpfs", 64 * 1024**2) as small:
        printed = run_program("storage", "backup", "--to", f"file://{small}/jobs", **environ)
    assert printed.returncode == 0
    assert printed.stderr == (
        f"warning: file://{small}/jobs is in memory (tmpfs at {small}): the backups are gone when "
        "the machine or the container stops\n"
    )


def test_there_is_a_backup_only_of_a_store(bench: Bench, tmp_path: Path) -> None:
    code, printed = run({"DATA_DIR": str(tmp_path / "x")}, "backup", "--to", str(tmp_path / "y"))
    assert code == 1
    assert f"there is no {tmp_path / 'x' / 'jobs.db'}: set DATA_DIR or DATABASE_URL" in printed


def test_a_terminal_shows_a_bar(bench: Bench, tmp_path: Path) -> None:
    fill_store(bench)
    controller, terminal = pty.openpty()
    code = (
        "import time\nfrom admin.commands.output import ProgressBar\nbar = ProgressBar()\n"
        "bar('files', 0, 4_000_000)\ntime.sleep(0.3)\nbar('files', 1_000_000, 4_000_000)\n"
        "bar.clear()"
    )
    subprocess.run([sys.executable, "-c", code], stderr=terminal, check=True)
    with open(terminal, "wb"), open(controller, "rb", buffering=0) as shown:
        text = shown.read(1000).decode()
    assert re.search(r"files +\[#{6} {18}\] +25%  1.0 MB of 4.0 MB, 0:0\d left", text), text


@pytest.mark.heavy
def test_a_restored_store_runs(bench: Bench, tmp_path: Path) -> None:
    job_id = bench.enqueue(payload={"seconds": 0})
    backups = str(tmp_path / "backups")
    assert run(environ_of(bench), "backup", "--to", backups)[0] == 0
    assert run({"DATA_DIR": str(tmp_path / "new/data")}, "restore", "--from", backups)[0] == 0
    with running_service("", tmp_path / "new") as service:
        service.worker()
        service.wait_for_status(str(job_id), "succeeded")


def test_a_backup_that_is_not_due_any_more_is_not_made(bench: Bench, tmp_path: Path) -> None:
    given = {**environ_of(bench), "BACKUP_TO": str(tmp_path / "backups")}
    scheduled = "backup", "--keep", "3", "--scheduled", "3600"
    for _ in range(2):
        assert run(given, *scheduled) == (0, "")
        assert len(FolderPlace(tmp_path / "backups").manifests()) == 1
    assert run(given, "verify")[0] == 0
    with FolderPlace(tmp_path / "backups").lock():
        assert run(given, *scheduled) == (4, "")
        code, printed = run(given, "backup")
        assert (code, "another program is changing" in printed) == (1, True)
