"""`jobservice files` and `jobservice download`, of a service without a worker."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.job_files import leave_files
from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service, running_service

CONTENT = b"one ERROR\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A listener."""
    with running_service("", tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="module")
def job_id(service: Service) -> str:
    """The id of a job with a file."""
    return service.upload(CONTENT, {"patterns": ["ERROR"]})


def test_the_file_of_a_job_is_written(jobs: JobsCommand, job_id: str, tmp_path: Path) -> None:
    done = jobs.run("download", job_id, "--upload", "-o", str(tmp_path))
    assert (done.code, done.out) == (0, f"{tmp_path / 'app.log'}\n")
    assert (tmp_path / "app.log").read_bytes() == CONTENT
    again = jobs.run("download", job_id, "--upload", "-o", str(tmp_path))
    assert (again.code, again.out) == (0, done.out)
    named = jobs.run("download", job_id[:8], "--upload", "-o", str(tmp_path / "b"), "--json")
    assert named.document == {"job_id": job_id, "paths": [str(tmp_path / "b")]}


def test_the_file_goes_to_standard_output(jobs: JobsCommand, job_id: str) -> None:
    assert jobs.process("download", job_id, "--upload", "-o", "-").out == CONTENT.decode()


def test_errors_are_one_line(
    service: Service, jobs: JobsCommand, job_id: str, tmp_path: Path
) -> None:
    assert "--upload is its own file" in jobs.run("download", job_id).err
    existing = tmp_path / "app.log"
    existing.write_bytes(b"mine")
    refused = jobs.run("download", job_id, "--upload", "-o", str(tmp_path))
    assert refused.code == 1
    assert "exists already" in refused.err
    assert existing.read_bytes() == b"mine"
    no_folder = jobs.run("download", job_id, "--upload", "-o", str(tmp_path / "no" / "a"))
    assert (no_folder.code, "No such file or directory" in no_folder.err) == (1, True)
    sleeping = service.submit("sleep", {"seconds": 0})
    no_file = jobs.run("download", sleeping, "--upload", "-o", str(tmp_path / "c"))
    assert (no_file.code, "file_not_found" in no_file.err) == (1, True)


FILES = {"report.txt": b"done\n", "pages/a b.csv": b"1,2\n"}


@pytest.fixture(scope="module")
def left(service: Service) -> str:
    """The id of a job that has left files."""
    return leave_files(service, FILES)


def test_files_are_listed(jobs: JobsCommand, left: str, job_id: str) -> None:
    done = jobs.run("files", left)
    assert done.out.splitlines()[0].split() == ["NAME", "SIZE", "TYPE", "SHA256"]
    assert [line.split("  ")[0] for line in done.out.splitlines()[1:]] == sorted(FILES)
    items = jobs.run("files", left, "--json").items
    assert [each["name"] for each in items] == sorted(FILES)
    assert jobs.run("files", job_id, "--json").out == ""


@pytest.mark.heavy
def test_files_are_downloaded_one_by_one_and_all(
    jobs: JobsCommand, left: str, tmp_path: Path
) -> None:
    one = jobs.run("download", left, "pages/a b.csv", "-o", str(tmp_path))
    assert one.out == f"{tmp_path / 'a b.csv'}\n"
    two = jobs.run("download", left, *FILES, "-o", str(tmp_path / "new"))
    assert two.out.splitlines() == [str(tmp_path / "new" / Path(name).name) for name in FILES]
    for arguments in (FILES, ["--all"]):
        no = jobs.run("download", left, *arguments, "-o", str(tmp_path / "a b.csv"))
        assert (no.code, "several files need a folder" in no.err) == (2, True)
    folder = tmp_path / "all"
    everything = jobs.run("download", left, "--all", "-o", str(folder))
    assert everything.out.splitlines() == [str(folder / name) for name in sorted(FILES)]
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert jobs.run("download", left, "--all", "-o", str(folder)).code == 0
    assert jobs.run("download", left, "--zip", "-o", str(tmp_path / "a.zip")).code == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert sorted(archive.namelist()) == sorted(FILES)
    assert jobs.process("download", left, "report.txt", "-o", "-").out == "done\n"


def test_what_to_download_must_be_clear(jobs: JobsCommand, left: str) -> None:
    unclear = jobs.run("download", left)
    assert unclear.code == 2
    assert "left 2 files (pages/a b.csv, report.txt" in " ".join(unclear.err.split())
    for arguments in (["--all", "--zip"], ["report.txt", "--all"], ["--all", "-o", "-"]):
        assert jobs.run("download", left, *arguments).code == 2
    missing = jobs.run("download", left, "no")
    assert (missing.code, "file_not_found" in missing.err) == (1, True)


def test_a_submission_downloads_the_files_of_its_job(tmp_path: Path) -> None:
    types = tmp_path / "types"
    types.mkdir()
    (types / "report.py").write_text(
        "from runner.job_types import Context, job\n\n\n"
        '@job("report")\n'
        "def report(month: int, context: Context) -> dict[str, int]:\n"
        '    """Write a report."""\n'
        '    (context.files / "report.csv").write_text(f"month\\n{month}\\n")\n'
        '    return {"month": month}\n'
    )
    with running_service("", tmp_path, JOB_TYPES_FOLDER=str(types)) as service:
        service.worker()
        jobs = JobsCommand(service.base_url, tmp_path)
        folder = tmp_path / "results"
        done = jobs.run("submit", "report", "month=11", "--download", str(folder))
        assert (done.code, done.document) == (0, {"month": 11})
        assert done.err == f"downloaded {folder / 'report.csv'}\n"
        assert (folder / "report.csv").read_text() == "month\n11\n"
        before = jobs.run("list", "--json").out
        for arguments in ([str(folder), "--dry-run"], ["-"], [str(folder / "report.csv")]):
            refused = jobs.run("submit", "report", "month=11", "--download", *arguments)
            assert refused.code == 2
        assert jobs.run("list", "--json").out == before
