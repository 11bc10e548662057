"""Storing the files that a job has left in a folder: which ones, and what is refused."""

import hashlib
import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from runner.files import store
from runner.files.folder import FileLimits, list_files, open_file
from runner.files.names import InvalidFiles
from runner.files.store import CHUNK_BYTES, Aborted, store_files
from runner.pool.linux.removal import open_folder
from storage.files.artifacts import FolderArtifacts, FolderArtifactWriter
from storage.files.folder import FolderUploads
from storage.records.job import StoreFull
from storage.records.job_file import JobFile

JOB = uuid4()
MANY = FileLimits(count=100)


class Left:
    """A folder that a job has filled, and the storage for its files."""

    def __init__(self, tmp_path: Path):
        self.path = tmp_path / "left"
        self.path.mkdir()
        self.artifacts: FolderArtifacts = FolderUploads(tmp_path / "uploads").artifacts
        self.stored = tmp_path / "uploads" / "artifacts"

    def store(self, limits: FileLimits = MANY, **options: Any) -> list[JobFile]:
        """Store the files."""
        folder = open_folder(str(self.path))
        try:
            return store_files(self.artifacts, folder, JOB, 3, limits, **options)
        finally:
            os.close(folder)

    def refused(self, message: str, limits: FileLimits = MANY) -> None:
        """Check that storing fails with a message, and leaves nothing."""
        with pytest.raises(InvalidFiles, match=message):
            self.store(limits)
        assert self.names() == []

    def names(self) -> list[str]:
        """The names of all that is stored."""
        return os.listdir(self.stored)


@pytest.fixture
def left(tmp_path: Path) -> Left:
    return Left(tmp_path)


@pytest.fixture(autouse=True)
def no_descriptor_is_left() -> Iterator[None]:
    before = os.listdir("/proc/self/fd")
    yield
    assert len(os.listdir("/proc/self/fd")) <= len(before)  # the collector may close others


def test_all_files_are_stored_with_sizes_hashes_and_types(left: Left) -> None:
    big = bytes(range(256)) * (CHUNK_BYTES // 100)
    contents = {"a.csv": b"1,2\n", "pages/1.png": big, "pages/deep/empty": b"", "z": b"z"}
    for name, data in contents.items():
        (left.path / name).parent.mkdir(parents=True, exist_ok=True)
        (left.path / name).write_bytes(data)
    (left.path / "no files in here").mkdir()
    files = left.store()
    assert [(file.name, file.position) for file in files] == [
        (name, number) for number, name in enumerate(sorted(contents))
    ]
    for file in files:
        data = contents[file.name]
        assert (file.job_id, file.attempt, file.size) == (JOB, 3, len(data))
        assert file.sha256 == hashlib.sha256(data).hexdigest()
        assert (left.stored / str(file.key)).read_bytes() == data
    types = [file.media_type for file in files]
    assert types == ["text/csv", "image/png", *["application/octet-stream"] * 2]


def test_an_empty_folder_has_no_files(left: Left) -> None:
    assert left.store() == []


def test_files_without_permissions_are_stored(left: Left) -> None:
    (left.path / "shut").mkdir()
    (left.path / "shut" / "a").write_text("a")
    (left.path / "shut" / "a").chmod(0)
    (left.path / "shut").chmod(0)
    (file,) = left.store()
    assert (left.stored / str(file.key)).read_text() == "a"


def fifo(path: Path) -> None:
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))


def device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero: it would never end


def link_to_file(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def link_to_folder(path: Path) -> None:
    path.symlink_to("/etc")


def link_to_nothing(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (fifo, "a FIFO"),
        (unix_socket, "a socket"),
        (device, "a device"),
        (link_to_file, "a symbolic link"),
        (link_to_folder, "a symbolic link"),
        (link_to_nothing, "a symbolic link"),
    ],
)
def test_only_regular_files_are_stored(
    left: Left, make: Callable[[Path], None], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FolderArtifacts, "writer", None)  # refused before anything is copied
    (left.path / "a").write_text("fine")
    (left.path / "b").mkdir()
    try:
        make(left.path / "b" / "odd")
    except PermissionError:
        pytest.skip("only root makes devices")
    left.refused(f"'b/odd': it is {kind}; only regular files can be stored")


@pytest.mark.parametrize("make", [fifo, device, link_to_file, link_to_folder])
def test_a_file_that_was_replaced_after_the_list_is_not_opened(
    left: Left, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    (left.path / "inner").mkdir()
    (left.path / "inner" / "a").write_text("fine")

    def list_and_replace(root: int, limits: FileLimits) -> dict[str, int]:
        found = list_files(root, limits)
        (left.path / "inner" / "a").unlink()
        make(left.path / "inner" / "a")
        return found

    monkeypatch.setattr(store, "list_files", list_and_replace)
    try:
        left.refused("'inner/a': it is .*; only regular files")
    except PermissionError:
        pytest.skip("only root makes devices")


def test_a_folder_that_was_replaced_by_a_link_is_not_followed(left: Left, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a").write_text("secret")
    (left.path / "inner").symlink_to(tmp_path / "outside")
    folder = open_folder(str(left.path))
    with pytest.raises(NotADirectoryError):
        open_file(folder, "inner/a")
    os.close(folder)


def test_a_name_that_is_not_utf_8_is_refused(left: Left) -> None:
    Path(os.fsdecode(os.fsencode(left.path) + b"/a\xff")).write_text("x")
    left.refused("its name is not UTF-8")


def test_names_that_differ_in_case_are_refused(left: Left) -> None:
    for name in ("Report.txt", "report.TXT"):
        (left.path / name).write_text(name)
    left.refused("only in case or in its Unicode form")


def test_too_many_files_and_folders_are_refused(left: Left) -> None:
    for number in range(5):
        (left.path / f"{number}").mkdir()
        (left.path / f"{number}" / "a").write_text("x")
    assert len(left.store(FileLimits(count=10))) == 5
    left.artifacts.sweep(lambda keys: keys)
    left.refused(r"more than 9 files and folders", FileLimits(count=9))


def test_folders_in_folders_without_end_are_refused(left: Left) -> None:
    path = left.path
    for _ in range(40):
        path = path / "d"
    path.mkdir(parents=True)
    left.refused("in more than 15 folders")


def test_sizes_are_limited(left: Left) -> None:
    (left.path / "a").write_bytes(bytes(600))
    (left.path / "b").write_bytes(bytes(400))
    assert len(left.store(FileLimits(total_bytes=1000))) == 2
    left.artifacts.sweep(lambda keys: keys)
    left.refused("more than 999 bytes .JOB_FOLDER_BYTES=999.", FileLimits(total_bytes=999))
    left.refused("'a': it has 600 bytes; the storage takes", FileLimits(file_bytes=599))


def test_of_a_sparse_file_its_apparent_size_counts(left: Left) -> None:
    with (left.path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    left.refused("'sparse' included", FileLimits(total_bytes=1 << 30))
    with (left.path / "sparse").open("wb") as file:
        file.truncate(3 << 20)
    (stored,) = left.store(FileLimits(total_bytes=1 << 30))
    assert (left.stored / str(stored.key)).read_bytes() == bytes(3 << 20)


@pytest.mark.parametrize("change", ["grows", "shrinks", "is overwritten"])
def test_a_file_that_changes_while_it_is_stored_is_refused(
    left: Left, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write = left.path / "a", FolderArtifactWriter.write
    path.write_bytes(bytes(3 * CHUNK_BYTES))
    os.utime(path, ns=(0, 0))  # so that each later change shows

    def change_and_write(writer: FolderArtifactWriter, data: bytes) -> None:
        with path.open("r+b") as file:
            if change == "grows":
                file.seek(0, os.SEEK_END)
                file.write(b"more")
            elif change == "shrinks":
                file.truncate(2 * CHUNK_BYTES)
            else:
                file.write(b"x")
        write(writer, data)

    monkeypatch.setattr(FolderArtifactWriter, "write", change_and_write)
    left.refused("'a': it changed while it was stored")


def test_a_file_that_grows_without_end_is_not_followed(
    left: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, written = left.path / "a", []
    path.write_bytes(bytes(CHUNK_BYTES))

    def write_and_grow(writer: FolderArtifactWriter, data: bytes) -> None:
        written.append(len(data))
        writer.size += len(data)
        with path.open("ab") as file:
            file.write(bytes(CHUNK_BYTES))

    monkeypatch.setattr(FolderArtifactWriter, "write", write_and_grow)
    left.refused("changed while")
    assert written == [CHUNK_BYTES]


def test_a_disk_that_fills_up_leaves_nothing(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        (left.path / name).write_bytes(bytes(10))
    write, count = FolderArtifactWriter.write, iter(range(9))

    def fill(writer: FolderArtifactWriter, data: bytes) -> None:
        if next(count) == 2:
            raise StoreFull("files of jobs: No space left on device")
        write(writer, data)

    monkeypatch.setattr(FolderArtifactWriter, "write", fill)
    with pytest.raises(StoreFull):
        left.store()
    assert left.names() == []


def test_storing_ends_when_its_files_are_not_needed(left: Left) -> None:
    for name in ("a", "b"):
        (left.path / name).write_bytes(bytes(3 * CHUNK_BYTES))
    for most in range(7):
        calls = iter(range(99))
        with pytest.raises(Aborted):
            left.store(is_aborted=lambda: next(calls) >= most)  # noqa: B023
        assert left.names() == []
