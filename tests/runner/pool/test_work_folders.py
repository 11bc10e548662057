"""The working folders of jobs: their removal, reuse and size."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.pool.linux import removal
from runner.pool.linux.kept_files import STORED_FILES
from runner.pool.linux.work_folders import FILE, FILE_FROM_WORK, JobFolder, RunnerFolder
from tests.support.paths import ROOT
from tests.support.pool.pools import open_descriptors
from tests.support.programs import running_service
from tests.support.waiting import wait_for

DEPTH = 3000


@pytest.fixture
def runner_folder(tmp_path: Path) -> Iterator[RunnerFolder]:
    runner_folder = RunnerFolder(tmp_path / "work")
    yield runner_folder
    runner_folder.close()
    assert os.listdir(tmp_path / "work") == []


def prepared(runner_folder: RunnerFolder) -> tuple[JobFolder, Path]:
    folder = JobFolder(runner_folder.descriptor, str(runner_folder.path))
    return folder, runner_folder.path / folder.prepare()


def nest(folder: Path, depth: int) -> None:
    """Create nested folders whose path is longer than the kernel's limit."""
    code = "import os, sys\nfor _ in range(int(sys.argv[1])):\n os.mkdir('d')\n os.chdir('d')"
    subprocess.run([sys.executable, "-c", code, str(depth)], cwd=folder, check=True)


def test_a_folder_is_reused_only_if_it_is_unchanged(runner_folder: RunnerFolder) -> None:
    folder, path = prepared(runner_folder)
    folder.discard()
    assert runner_folder.path / folder.prepare() == path
    for change in (
        lambda path: (path / "x").touch(),
        lambda path: (path / "x").mkdir(),
        lambda path: ((path / "x").touch(), (path / "x").unlink()),
        lambda path: path.chmod(0o755),
        lambda path: path.rmdir(),
    ):
        path = runner_folder.path / folder.prepare()
        change(path)
        folder.discard()
        assert not path.exists()
        assert folder.prepare() != path.name


def test_links_are_removed_and_not_followed(runner_folder: RunnerFolder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    (outside / "kept").write_text("kept")
    (outside / "kept").chmod(0o400)
    folder, path = prepared(runner_folder)
    (path / "below").mkdir()
    for parent in (path, path / "below"):
        (parent / "to_folder").symlink_to(outside)
        (parent / "to_file").symlink_to(outside / "kept")
        (parent / "dangling").symlink_to("nowhere")
        os.link(outside / "kept", parent / "hard")
    folder.discard()
    assert not path.exists()
    assert (outside / "kept").read_text() == "kept"
    assert [p.stat().st_mode & 0o777 for p in (outside, outside / "kept")] == [0o500, 0o400]


def test_a_folder_that_became_a_link_is_not_followed(
    runner_folder: RunnerFolder, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    outside.chmod(0o500)
    folder, path = prepared(runner_folder)
    path.rmdir()
    path.symlink_to(outside)
    folder.discard()
    assert not path.is_symlink()
    assert (outside / "kept").exists()
    assert outside.stat().st_mode & 0o777 == 0o500


@pytest.mark.heavy
def test_very_deep_folders_are_removed(runner_folder: RunnerFolder) -> None:
    folder, path = prepared(runner_folder)
    nest(path, DEPTH)
    before = open_descriptors()
    folder.discard()
    assert not path.exists()
    runner_folder.empty_trash()
    wait_for(lambda: os.listdir(runner_folder.path / "trash") == [], 30)
    assert open_descriptors() == before


@pytest.mark.heavy
def test_a_large_folder_is_removed_by_a_background_thread(runner_folder: RunnerFolder) -> None:
    folder, path = prepared(runner_folder)
    for number in range(20_000):
        os.close(os.open(f"{path}/{number}", os.O_CREAT | os.O_WRONLY))
    folder.discard()
    assert not path.exists()
    assert os.listdir(runner_folder.path / "trash")
    runner_folder.empty_trash()
    assert "removal" in [thread.name for thread in threading.enumerate()]
    wait_for(lambda: os.listdir(runner_folder.path / "trash") == [])


def test_entries_with_arbitrary_names_and_pipes_are_removed(runner_folder: RunnerFolder) -> None:
    folder, path = prepared(runner_folder)
    for name in (b"\xff\xfe", b"a\nb", b"-rf", b" "):
        os.mkdir(bytes(path) + b"/" + name)
        os.mkfifo(bytes(path) + b"/" + name + b"/pipe")
    folder.discard()
    assert not path.exists()


def test_files_that_cannot_be_removed_are_logged_once(
    runner_folder: RunnerFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (runner_folder.path / "trash" / "stuck").touch()
    (runner_folder.path / "trash" / "other").touch()
    unlink = os.unlink

    def refuse(name: str, **options: int) -> None:
        if name == "stuck":
            raise OSError(16, "Device or resource busy")
        unlink(name, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        for _ in range(3):
            runner_folder.empty_trash()
            wait_for(
                lambda: runner_folder._remover is None or not runner_folder._remover.is_alive()
            )
    assert os.listdir(runner_folder.path / "trash") == ["stuck"]
    assert [record.message for record in caplog.records] == ["cannot remove files that a job left"]
    removal.remove("stuck", runner_folder._trash)


def test_a_new_runner_removes_only_the_folders_of_dead_runners(
    runner_folder: RunnerFolder, tmp_path: Path
) -> None:
    _, path = prepared(runner_folder)
    (path / "of the living").touch()
    code = """if True:
        import os, sys
        from pathlib import Path
        from runner.pool.linux.work_folders import JobFolder, RunnerFolder
        runner_folder = RunnerFolder(Path(sys.argv[1]))
        folder = JobFolder(runner_folder.descriptor, str(runner_folder.path))
        path = runner_folder.path / folder.prepare()
        (path / "left").touch()
        print(runner_folder.path, flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", code, str(tmp_path / "work")]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        left = Path(other.stdout.readline().strip())
        third = RunnerFolder(tmp_path / "work")
        assert left.exists()
        other.kill()
    fourth = RunnerFolder(tmp_path / "work")
    assert not left.exists()
    for one in (third, fourth):
        one.close()
    assert (path / "of the living").exists()


def test_runners_that_start_at_once_do_not_remove_the_folders_of_each_other(tmp_path: Path) -> None:
    found: list[RunnerFolder] = []
    threads = [
        threading.Thread(target=lambda: found.append(RunnerFolder(tmp_path / "work")))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (
        len(found)
        == len([runner_folder for runner_folder in found if runner_folder.path.exists()])
        == 20
    )
    for runner_folder in found:
        runner_folder.close()


def test_the_size_of_a_folder_includes_subfolders_and_empty_files(
    runner_folder: RunnerFolder,
) -> None:
    folder, path = prepared(runner_folder)
    assert folder.used_bytes(2**40) == 0
    (path / "below").mkdir()
    (path / "below" / "large").write_bytes(b"x" * 10**6)
    os.truncate(os.open(path / "sparse", os.O_CREAT | os.O_WRONLY), 10**12)
    assert 10**6 < folder.used_bytes(2**40) < 1.2 * 10**6
    for number in range(1000):
        (path / str(number)).touch()
    assert folder.used_bytes(2**40) > 5 * 10**6
    assert folder.used_bytes(10**5) < 10**6 + 10**5
    folder.discard()


@pytest.mark.heavy
def test_a_job_finds_its_file_if_data_dir_is_a_relative_path(tmp_path: Path) -> None:
    with running_service("", tmp_path, DATA_DIR=os.path.relpath(tmp_path / "data")) as service:
        service.worker()
        job = service.result(service.upload(b"an ERROR", {"patterns": ["ERROR"]}))
    assert job["status"] == "succeeded", job["error"]


def test_a_job_finds_its_file_and_folder_if_data_dir_is_not_utf_8(
    tmp_path: Path,
) -> None:
    data = tmp_path / os.fsdecode(b"data-\xff")
    with running_service("", tmp_path, DATA_DIR=str(data)) as service:
        service.worker()
        job = service.result(service.upload(b"an ERROR", {"patterns": ["ERROR"]}))
    assert job["status"] == "succeeded", job["error"]


def test_a_worker_that_cannot_create_folders_reports_it_in_one_line(tmp_path: Path) -> None:
    with running_service("", tmp_path) as service:
        (tmp_path / "data" / "work").touch()
        program = service.program("runner")
        assert program.process.wait(20) == 1
    (told,) = [line["message"] for line in program.lines() if line["level"] == "CRITICAL"]
    assert told.startswith("cannot start: DATA_DIR=")


def test_a_folder_around_that_of_a_job_is_replaced_if_it_has_changed(
    runner_folder: RunnerFolder,
) -> None:
    folder, path = prepared(runner_folder)
    place = folder.place()
    assert folder.discard().can_go_on
    for change in (
        lambda path: (path.parent / "left").touch(),
        lambda path: path.parent.chmod(0o777),
        lambda path: path.rename(path.with_name("moved")),
    ):
        path = runner_folder.path / folder.prepare()
        change(path)  # type: ignore[no-untyped-call]
        assert not folder.discard().can_go_on
        assert not Path(place).exists()
        assert folder.place() != place
        place = folder.place()


def test_an_attempt_finds_a_link_to_its_file_only(
    runner_folder: RunnerFolder, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    for name in ("a", "b"):
        (shared / name).write_text(f"content of {name}")
    folder = JobFolder(runner_folder.descriptor, str(runner_folder.path), str(shared))
    for name in ("a", "b", "a"):
        path = runner_folder.path / folder.prepare(name)
        links = path / FILE_FROM_WORK
        assert {link.name: link.read_text() for link in links.iterdir()} == {
            name: f"content of {name}"
        }
        folder.discard()
        assert list(links.iterdir()) == []
    path = runner_folder.path / folder.prepare("deleted")
    assert list((path / FILE_FROM_WORK).iterdir()) == []
    assert sorted(file.read_text() for file in shared.iterdir()) == ["content of a", "content of b"]


def test_a_keeper_whose_folder_could_not_be_completed_tries_again(
    runner_folder: RunnerFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = JobFolder(runner_folder.descriptor, str(runner_folder.path))
    mkdir = os.mkdir

    def refuse(name: str, *arguments: Any, **options: Any) -> None:
        if name.endswith(FILE):
            raise OSError(28, "No space left on device")
        mkdir(name, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "mkdir", refuse)
        with pytest.raises(OSError, match="space"):
            folder.prepare()
    assert (runner_folder.path / folder.prepare()).is_dir()
    assert (
        len([path for path in runner_folder.path.iterdir() if path.name not in ("trash", "kept")])
        == 1
    )


def test_files_that_an_attempt_leaves_are_kept_until_the_runner_discards_them(
    runner_folder: RunnerFolder,
) -> None:
    folder, path = prepared(runner_folder)
    (path / STORED_FILES).mkdir()
    (path / STORED_FILES / "a").write_text("content")
    assert folder.discard("job/1") == (True, True)
    assert not path.exists()
    runner_folder.discard_job_folders()  # as after the death of a keeper
    kept = runner_folder.open_kept("job/1")
    assert os.listdir(kept) == ["a"]
    runner_folder.discard_kept("job/1")
    runner_folder.discard_kept("job/1")
    assert os.listdir(runner_folder.path / "kept") == []
    with pytest.raises(FileNotFoundError):
        runner_folder.open_kept("job/1")
    os.close(kept)


def test_only_the_files_of_a_call_that_has_returned_are_kept(runner_folder: RunnerFolder) -> None:
    folder, path = prepared(runner_folder)
    (path / STORED_FILES).mkdir()
    assert folder.discard() == (True, False)
    (runner_folder.path / folder.prepare() / "other").mkdir()
    assert folder.discard("job/2") == (True, False)
    assert os.listdir(runner_folder.path / "kept") == []


def test_files_that_are_kept_are_removed_at_the_end(tmp_path: Path) -> None:
    runner_folder = RunnerFolder(tmp_path / "work")
    folder, path = prepared(runner_folder)
    (path / STORED_FILES).mkdir()
    (path / STORED_FILES / "a").write_text("content")
    assert folder.discard("job/1").has_files
    runner_folder.close()
    assert os.listdir(tmp_path / "work") == []
