"""Several uploaded files, as a job type gets them."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from runner.job_types.base import Context, JobError, NotRetryable, UploadFile
from runner.job_types.registry.member_files import MemberFile, files_of
from tests.server.api.uploads.test_zip_records import archive_of

FILES = [("a.log", b"first\n" * 1000), ("Gerät.log", b""), ("a.log", b"third")]


@pytest.fixture(autouse=True)
def work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def upload_of(tmp_path: Path, content: bytes, name: str = "a.log and 2 more.zip") -> UploadFile:
    path = tmp_path / "stored"
    path.write_bytes(content)
    return UploadFile(path, name, len(content))


def test_files_that_were_sent_together_are_several(tmp_path: Path) -> None:
    found = files_of(upload_of(tmp_path, archive_of(FILES)))
    assert [(each.name, each.size) for each in found] == [
        *(("a.log", 6000), ("Gerät.log", 0), ("a (2).log", 5))
    ]
    for each, (_, content) in zip(found, FILES, strict=True):
        with each.open() as file:
            assert file.readall() == content
        assert each.path.read_bytes() == content
        assert each.path.name == each.name
        assert each.stored() == each.path


def test_a_file_can_be_read_from_any_position(tmp_path: Path) -> None:
    first = files_of(upload_of(tmp_path, archive_of(FILES)))[0]
    with first.open() as file:
        assert file.seek(-5, os.SEEK_END) == 5995
        assert file.read(100) == b"irst\n"
        assert file.read(1) == b""
        file.seek(6)
        assert file.read(5) == b"first"
        file.seek(1, os.SEEK_CUR)
        assert file.tell() == 12
        with pytest.raises(ValueError, match="negative"):
            file.seek(-1)


def test_another_archive_is_one_file(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.log", b"text")
    for data in (content.getvalue(), b"no archive", b"", archive_of([])):
        upload = upload_of(tmp_path, data)
        assert files_of(upload) == [upload]
    upload = upload_of(tmp_path, archive_of(FILES), "a.log")
    assert files_of(upload) == [upload]


def test_an_archive_with_a_member_that_leads_out_of_it_is_one_file(tmp_path: Path) -> None:
    content = archive_of([("a", b"text")])
    at = content.index(b"PK\x01\x02")
    wrong = content[: at + 20] + b"\xff\xff\xff\x7f" * 2 + content[at + 28 :]
    upload = upload_of(tmp_path, wrong)
    assert files_of(upload) == [upload]


def test_a_damaged_header_is_an_error(tmp_path: Path) -> None:
    content = archive_of([("a", b"text")])
    (found,) = files_of(upload_of(tmp_path, b"XX" + content[2:]))
    with pytest.raises(NotRetryable, match="its archive is damaged"):
        found.open()


@pytest.mark.parametrize("name", ["../../x", "..", "a/b/c", "/etc/x", "x" * 300, "\0"])
def test_the_copy_of_a_file_stays_in_its_folder(
    tmp_path: Path, work_folder: Path, name: str
) -> None:
    content = archive_of([("a", b"text")])
    archive = upload_of(tmp_path, content)
    path = MemberFile(archive, name, 4, 0).path
    assert path.read_bytes() == b"text"
    assert path.resolve().parent.parent == work_folder


def test_a_full_disk_is_a_job_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = files_of(upload_of(tmp_path, archive_of([("a", b"text")])))

    def fail(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", fail)
    with pytest.raises(JobError, match="No space left"):
        assert found.path


def test_a_context_has_a_list_of_uploads(tmp_path: Path) -> None:
    assert Context("id", 1, None, print).uploads == []
    upload = upload_of(tmp_path, b"x", "a.log")
    context = Context("id", 1, upload, print)
    context.list_uploads = files_of
    assert context.uploads == [upload]
