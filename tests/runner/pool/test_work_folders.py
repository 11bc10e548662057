"""The folders that jobs work in: swept by the proof that their runner is dead, and wholly."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.pool.linux import removal
from runner.pool.linux.work_folders import WorkFolder, WorkPlace
from tests.support.paths import ROOT
from tests.support.pool.pools import open_descriptors
from tests.support.programs import running_service
from tests.support.waiting import wait_for

DEPTH = 3000


@pytest.fixture
def work(tmp_path: Path) -> Iterator[WorkPlace]:
    work = WorkPlace(tmp_path / "work")
    yield work
    work.close()
    assert os.listdir(tmp_path / "work") == []


def taken(work: WorkPlace) -> tuple[WorkFolder, Path]:
    folder = WorkFolder(work.descriptor, str(work.path))
    return folder, work.path / folder.give()


def nest(folder: Path, depth: int) -> None:
    """Folders in folders, deeper than any path can tell."""
    code = "import os, sys\nfor _ in range(int(sys.argv[1])):\n os.mkdir('d')\n os.chdir('d')"
    subprocess.run([sys.executable, "-c", code, str(depth)], cwd=folder, check=True)


def test_a_folder_is_given_again_only_if_nobody_has_changed_it(work: WorkPlace) -> None:
    folder, path = taken(work)
    folder.take_back()
    assert work.path / folder.give() == path
    for change in (
        lambda path: (path / "x").touch(),
        lambda path: (path / "x").mkdir(),
        lambda path: ((path / "x").touch(), (path / "x").unlink()),
        lambda path: path.chmod(0o755),
        lambda path: path.rmdir(),
    ):
        path = work.path / folder.give()
        change(path)
        folder.take_back()
        assert not path.exists()
        assert folder.give() != path.name


def test_links_are_removed_and_not_followed(work: WorkPlace, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o500)
    (outside / "kept").write_text("kept")
    (outside / "kept").chmod(0o400)
    folder, path = taken(work)
    (path / "below").mkdir()
    for place in (path, path / "below"):
        (place / "to_folder").symlink_to(outside)
        (place / "to_file").symlink_to(outside / "kept")
        (place / "dangling").symlink_to("nowhere")
        os.link(outside / "kept", place / "hard")
    folder.take_back()
    assert not path.exists()
    assert (outside / "kept").read_text() == "kept"
    assert [p.stat().st_mode & 0o777 for p in (outside, outside / "kept")] == [0o500, 0o400]


def test_a_folder_that_became_a_link_is_not_followed(work: WorkPlace, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    outside.chmod(0o500)
    folder, path = taken(work)
    path.rmdir()
    path.symlink_to(outside)
    folder.take_back()
    assert not path.is_symlink()
    assert (outside / "kept").exists()
    assert outside.stat().st_mode & 0o777 == 0o500


def test_folders_as_deep_as_can_be_are_removed(work: WorkPlace) -> None:
    folder, path = taken(work)
    nest(path, DEPTH)
    before = open_descriptors()
    folder.take_back()
    assert not path.exists()
    work.tidy()
    wait_for(lambda: os.listdir(work.path / "trash") == [], 30)
    assert open_descriptors() == before


def test_a_large_folder_is_removed_by_a_thread_and_holds_nobody_up(work: WorkPlace) -> None:
    folder, path = taken(work)
    for number in range(20_000):
        os.close(os.open(f"{path}/{number}", os.O_CREAT | os.O_WRONLY))
    folder.take_back()
    assert not path.exists()
    assert os.listdir(work.path / "trash")
    work.tidy()
    assert "removal" in [thread.name for thread in threading.enumerate()]
    wait_for(lambda: os.listdir(work.path / "trash") == [])


def test_names_of_any_bytes_sockets_and_pipes_are_removed(work: WorkPlace) -> None:
    folder, path = taken(work)
    for name in (b"\xff\xfe", b"a\nb", b"-rf", b" "):
        os.mkdir(bytes(path) + b"/" + name)
        os.mkfifo(bytes(path) + b"/" + name + b"/pipe")
    folder.take_back()
    assert not path.exists()


def test_what_cannot_be_removed_is_told_once(
    work: WorkPlace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (work.path / "trash" / "stuck").touch()
    (work.path / "trash" / "other").touch()
    unlink = os.unlink

    def refuse(name: str, **place: int) -> None:
        if name == "stuck":
            raise OSError(16, "Device or resource busy")
        unlink(name, **place)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        for _ in range(3):
            work.tidy()
            wait_for(lambda: work._remover is None or not work._remover.is_alive())
    assert os.listdir(work.path / "trash") == ["stuck"]
    assert [record.message for record in caplog.records] == [
        "what a job has left cannot be removed"
    ]
    removal.remove("stuck", work._trash)


def test_a_start_sweeps_what_dead_runners_have_left_and_no_other(
    work: WorkPlace, tmp_path: Path
) -> None:
    _, path = taken(work)
    (path / "of the living").touch()
    code = """if True:
        import os, sys
        from pathlib import Path
        from runner.pool.linux.work_folders import WorkFolder, WorkPlace
        work = WorkPlace(Path(sys.argv[1]))
        folder = work.path / WorkFolder(work.descriptor, str(work.path)).give()
        (folder / "left").touch()
        print(work.path, flush=True)
        sys.stdin.read()
    """
    command = [sys.executable, "-c", code, str(tmp_path / "work")]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        left = Path(other.stdout.readline().strip())
        third = WorkPlace(tmp_path / "work")
        assert left.exists()
        other.kill()
    fourth = WorkPlace(tmp_path / "work")
    assert not left.exists()
    for one in (third, fourth):
        one.close()
    assert (path / "of the living").exists()


def test_two_runners_that_start_at_once_sweep_nothing_of_each_other(tmp_path: Path) -> None:
    found: list[WorkPlace] = []
    threads = [
        threading.Thread(target=lambda: found.append(WorkPlace(tmp_path / "work")))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len([work for work in found if work.path.exists()]) == 20
    for work in found:
        work.close()


def test_the_size_of_a_folder_counts_files_below_and_many_empty_ones(work: WorkPlace) -> None:
    folder, path = taken(work)
    assert folder.used(2**40) == 0
    (path / "below").mkdir()
    (path / "below" / "large").write_bytes(b"x" * 10**6)
    os.truncate(os.open(path / "sparse", os.O_CREAT | os.O_WRONLY), 10**12)
    assert 10**6 < folder.used(2**40) < 1.2 * 10**6
    for number in range(1000):
        (path / str(number)).touch()
    assert folder.used(2**40) > 5 * 10**6
    assert folder.used(10**5) < 10**6 + 10**5
    folder.take_back()


def test_a_job_finds_its_file_where_the_data_have_a_relative_path(tmp_path: Path) -> None:
    with running_service("", tmp_path, DATA_DIR=os.path.relpath(tmp_path / "data")) as service:
        service.worker()
        job = service.result(service.upload(b"an ERROR", {"patterns": ["ERROR"]}))
    assert job["status"] == "succeeded", job["error"]


def test_a_job_finds_its_file_and_its_folder_below_a_path_that_is_not_utf_8(
    tmp_path: Path,
) -> None:
    data = tmp_path / os.fsdecode(b"data-\xff")
    with running_service("", tmp_path, DATA_DIR=str(data)) as service:
        service.worker()
        job = service.result(service.upload(b"an ERROR", {"patterns": ["ERROR"]}))
    assert job["status"] == "succeeded", job["error"]


def test_a_worker_that_cannot_make_folders_says_so_in_one_line(tmp_path: Path) -> None:
    with running_service("", tmp_path) as service:
        (tmp_path / "data" / "work").touch()
        program = service.program("runner")
        assert program.process.wait(20) == 1
    told = [line for line in program.log.read_text().splitlines() if not line.startswith("{")]
    assert len(told) == 1
    assert told[0].startswith("cannot run jobs: cannot create their work folders")
