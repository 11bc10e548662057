"""Settings and job types are checked before a program reads or changes a database."""

import socket
from pathlib import Path

import pytest

from tests.support.newer_release import make_before_schema, read_schema
from tests.support.warm_start import run_program

PROGRAMS = ("server", "runner")
JOB_TYPE = """
from runner.job_types.base import JobType, Payload

class Mine(JobType):
    name = "{name}"
    Payload = Payload
    upload = "none"

    def load(self):
        {load}

    def run(self, payload, context):
        return None
"""


def start(program: str, folder: Path, **environ: str) -> str:
    """Start a program, which must exit with 1 and one line of text. Returns that line."""
    given = {"DATA_DIR": str(folder / "data"), "PORT": "0", "HOST": "127.0.0.1"}
    given |= {"LOG_LEVEL": "WARNING", "LOG_FORMAT": "text", **environ}
    answer = run_program(program, **given)
    assert answer.returncode == 1, answer.stderr
    assert "Traceback" not in answer.stderr, answer.stderr
    return answer.stderr.strip()


def write_module(folder: Path, name: str, load: str = "pass") -> str:
    module = f"types_of_{folder.name.replace('-', '_')}"
    (folder / f"{module}.py").write_text(JOB_TYPE.format(name=name, load=load))
    return module


@pytest.fixture
def old_database(empty_database_url: str, tmp_path: Path) -> str:
    """The URL of a database of an earlier release, which no start may change."""
    (tmp_path / "schema").mkdir()
    make_before_schema(empty_database_url, tmp_path / "schema", without="0052_lost_runner")
    return empty_database_url


@pytest.mark.heavy
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    "value", ["nope", "runner.job_types,nope", "loganalysis.scan.analyze.nope"]
)
def test_unknown_job_types_leave_the_database_as_it_is(
    program: str, value: str, old_database: str, tmp_path: Path
) -> None:
    before = read_schema(old_database)
    said = start(program, tmp_path, DATABASE_URL=old_database, JOB_TYPES=value)
    assert "cannot import" in said
    assert value.rpartition(",")[2] in said
    assert read_schema(old_database) == before


@pytest.mark.heavy
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("name", "load", "expected"),
    [("", "pass", "name must be a non-empty string"), ("sleep", "pass", "named 'sleep'")],
)
def test_invalid_job_types_create_no_database(
    program: str, name: str, load: str, expected: str, tmp_path: Path
) -> None:
    module = write_module(tmp_path, name, load)
    said = start(
        program, tmp_path, JOB_TYPES=f"runner.job_types,{module}", PYTHONPATH=str(tmp_path)
    )
    assert expected in said
    assert not (tmp_path / "data" / "jobs.db").exists()


@pytest.mark.heavy
def test_a_job_type_that_cannot_be_loaded_creates_no_database(tmp_path: Path) -> None:
    module = write_module(tmp_path, "mine", "raise RuntimeError('no model')")
    assert "no model" in start("runner", tmp_path, JOB_TYPES=module, PYTHONPATH=str(tmp_path))
    assert not (tmp_path / "data" / "jobs.db").exists()
    assert list((tmp_path / "data" / "runners").iterdir()) == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_job_types_are_checked_before_a_server_is_asked(program: str, tmp_path: Path) -> None:
    nobody = "postgresql://nobody@127.0.0.1:1/none"
    assert "nope" in start(program, tmp_path, DATABASE_URL=nobody, JOB_TYPES="nope")


@pytest.mark.heavy
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    "environ",
    [
        {"LOG_LEVEL": "loud"},
        {"UPLOADS_URL": "ftp://x"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "x:4317"},
    ],
    ids=lambda environ: next(iter(environ)),
)
def test_invalid_settings_create_no_database(
    program: str, environ: dict[str, str], tmp_path: Path
) -> None:
    assert list(environ)[-1] in start(program, tmp_path, **environ)
    assert not (tmp_path / "data" / "jobs.db").exists()


def test_uploads_larger_than_a_bucket_holds_create_no_database(tmp_path: Path) -> None:
    given = {"UPLOADS_URL": "s3://bucket/x", "MAX_UPLOAD_BYTES": str(10**15)}
    assert "MAX_UPLOAD_BYTES" in start("server", tmp_path, **given)
    assert not (tmp_path / "data" / "jobs.db").exists()


def test_an_address_that_cannot_be_used_creates_no_database(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = start("server", tmp_path, PORT=port)
        assert said.endswith(
            f"cannot listen on HOST=127.0.0.1, PORT={port}: Address already in use; "
            "PORT=NUMBER chooses another port"
        )
    assert "HOST=256.0.0.1" in start("server", tmp_path, HOST="256.0.0.1")
    assert not (tmp_path / "data").exists()


@pytest.mark.heavy
def test_an_invalid_place_for_files_leaves_the_source_of_a_transfer_as_it_is(
    old_database: str, tmp_path: Path
) -> None:
    before = read_schema(old_database)
    target = f"sqlite:///{tmp_path / 'target.db'}"
    places = ["--from", old_database, "--to", target, "--data-dir", str(tmp_path)]
    answer = run_program("storage", "transfer", *places, "--uploads-to", "ftp://x")
    assert answer.returncode == 2
    assert "--uploads-to: it must be file:///path or s3://bucket/prefix" in answer.stderr
    assert read_schema(old_database) == before
    assert not (tmp_path / "target.db").exists()
