"""`python -m runner types check`: loads job types, and runs one on a sample without a store."""

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support.type_folder import job_type
from tests.support.warm_start import run_program

RESIZE = '''from pathlib import Path

from runner.job_types import Context, File, job


@job("resize", timeout=50)
def resize(image: File, width: int, context: Context) -> Path:
    """Makes a picture smaller."""
    print("hello\\nfrom the job")
    context.report({"done": 1})
    small = context.files / "small" / "a.txt"
    small.parent.mkdir()
    small.write_bytes(image.read_bytes()[:width])
    return small
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "types_to_check"
    folder.mkdir()
    (folder / "resize.py").write_text(RESIZE)
    return folder


def check(folder: Path, *arguments: object) -> CompletedProcess[str]:
    """Check job types. DATA_DIR and the database must not be used."""
    environ = {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x",
    }
    return run_program("runner", "types", "check", *map(str, arguments), JOB_TYPES="", **environ)


def lines(text: str) -> list[list[str]]:
    return [line.split(maxsplit=1) for line in text.splitlines()]


def test_a_folder_and_a_file_of_working_job_types_are_fine(folder: Path) -> None:
    for place in (folder, folder / "resize.py"):
        done = check(folder, place)
        assert (done.returncode, done.stderr) == (0, "")
        assert lines(done.stdout) == [["works", "resize (resize.py)  Makes a picture smaller."]]
    assert not (folder / "data").exists()


def test_what_does_not_work_is_said_with_the_remedy(folder: Path) -> None:
    (folder / "crop.py").write_text("\nimport no_such_package\n")
    (folder / "sleep.py").write_text(job_type("sleep"))
    done = check(folder, folder)
    assert done.returncode == 1
    assert lines(done.stdout)[1:] == [
        ["broken", "crop.py:2: ModuleNotFoundError: No module named 'no_such_package'"],
        [
            "remedy",
            "install the package that has no_such_package,"
            " as docs/job-types.md#packages-that-job-types-need describes, or correct the name",
        ],
        ["broken", "sleep.py:3: the name 'sleep' is taken by runner.job_types.sleep.Sleep"],
        [
            "remedy",
            "choose another name, or add -sleep to JOB_TYPES to leave out the built-in one",
        ],
    ]


def test_a_file_without_a_job_type_is_not_fine(folder: Path) -> None:
    (folder / "empty.py").write_text("def resize(width): ...\n")
    done = check(folder, folder / "empty.py")
    assert done.returncode == 1
    assert "there is no job type in it" in done.stdout
    assert "@job" in done.stdout


def test_without_a_place_all_job_types_of_the_service_are_checked(folder: Path) -> None:
    done = check(folder)
    assert done.returncode == 0
    names = [line[1].split()[0] for line in lines(done.stdout)]
    assert names == ["analyze", "sleep"]


def test_a_job_runs_on_a_sample_and_shows_all_that_it_does(folder: Path, tmp_path: Path) -> None:
    sample, output = tmp_path / "sample.txt", tmp_path / "output"
    sample.write_text("some text")
    run = ("--run", "resize", "--payload", '{"width": 4}', "--file", sample)
    done = check(folder, folder / "resize.py", *run, "--output", output)
    assert done.returncode == 0, done.stderr
    shown = lines(done.stdout)
    assert ["progress", '{"done":1}'] in shown
    assert "hello\n" in done.stdout
    assert "from the job\n" in done.stdout
    assert ["file", "small/a.txt  4 bytes  text/plain"] in shown
    assert ["result", '{"files": ["small/a.txt"]}'] in shown
    assert shown[-1][1].startswith("returned after")
    assert (output / "small" / "a.txt").read_text() == "some"
    assert not (folder / "data").exists()


def test_a_job_that_fails_shows_its_error_and_where_it_was_raised(folder: Path) -> None:
    (folder / "fails.py").write_text(job_type("fails", "raise ValueError('no luck')"))
    done = check(folder, folder / "fails.py", "--run", "fails")
    assert done.returncode == 1
    assert ["error", "ValueError: no luck"] in lines(done.stdout)
    assert "fails.py" in done.stdout
    assert lines(done.stdout)[-1][1].startswith("raised after")


def test_a_job_cannot_read_the_data_of_the_service(folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "secret").write_text("x")
    body = f"return open({str(folder / 'data' / 'secret')!r}).read()"
    (folder / "reads.py").write_text(job_type("reads", body))
    done = check(folder, folder / "reads.py", "--run", "reads")
    assert "PermissionError" in done.stdout or "FileNotFoundError" in done.stdout  # if it is hidden


@pytest.mark.heavy
def test_commands_are_checked_with_their_programs(folder: Path) -> None:
    file = folder / "commands.json"
    file.write_text(
        '{"count": {"argv": ["wc", "-c"], "stdin": "upload", "stdout": "json"},\n'
        '"gone": {"argv": ["no-such-program"]},\n"wrong": {"argv": ["echo", "{x}"]}}'
    )
    done = check(folder, file)
    assert done.returncode == 1
    shown = lines(done.stdout)
    assert shown[0] == ["works", "count (commands.json)  Runs wc."]
    assert shown[1][1].startswith("commands.json:3: parameters: x is not there")
    assert shown[3][1].startswith("commands.json:2: this worker has no program 'no-such-program'")
    assert shown[4][1].startswith("install it where the worker runs")
    done = check(folder, file, "--run", "count", "--file", file)
    assert done.returncode == 0, done.stderr
    assert ["result", str(file.stat().st_size)] in lines(done.stdout)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing.py"], 2, "missing.py is no folder, no Python file and no JSON file"),
        (["--run", "sleep", "--payload", "{"], 2, "argument --payload: it is no JSON"),
        (["--run", "sleep", "--payload", "[]"], 2, 'it must be an object, such as {"width": 300}'),
        (["--run", "sleep", "--file", "missing"], 2, "there is no file missing"),
        (["--run", "slep"], 1, "there is no job type slep: there are analyze, sleep"),
    ],
)
def test_a_wrong_argument_is_named(
    folder: Path, arguments: list[str], code: int, message: str
) -> None:
    done = check(folder, *arguments)
    assert done.returncode == code
    assert message in done.stderr
