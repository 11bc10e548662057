"""`make run` and `make test`: what they install, and what they say where that cannot be."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PIP = """#!/bin/sh
echo "pip $*" >> calls
echo "Ignoring pysqlite3: markers 'platform_machine == x86_64' don't match your environment"
echo "Collecting tornado==6.6.1 (from -r requirements.lock (line 1))"
echo "  Using cached tornado.whl"
echo "Collecting peewee==4.5.3 (from -r requirements.lock (line 9))"
echo "Processing ./wheels/job_service_scan-1.0.0-cp311.whl (from -r requirements.lock (line 5))"
echo "Installing collected packages: tornado, peewee"
"""
PYTHON = """#!/bin/sh
echo "python $*" >> calls
echo "$@"
"""
LOCK = """\
peewee==4.5.3 \\
    --hash=sha256:0
job-service-scan==1.0.0 \\
    --hash=sha256:3
pysqlite3==0.6.1 ; platform_machine == 'x86_64' \\
    --hash=sha256:1
tornado==6.6.1 \\
    --hash=sha256:2
"""
DOCKER = "docker run -p 5000:5000 -v jobs-data:/data job-service"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the Makefile, its locks, and an environment whose programs only take notes."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "client/jobservice").mkdir(parents=True)
    shutil.copy(ROOT / "client/generate_sync.py", tmp_path / "client")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for lock in ("requirements.lock", "requirements-tracing.lock", "tests/requirements.lock"):
        (tmp_path / lock).write_text(LOCK)
    for name, text in (("pip", PIP), ("python", PYTHON), ("pytest", PYTHON)):
        write_program(tmp_path / ".venv/bin" / name, text)
    return tmp_path


def write_program(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


_OF_MAKE = {"MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "MFLAGS", "PYTHON", "VENV", "TESTS"}
"""What `make test VENV=…` passes on to these tests."""


def make(folder: Path, *arguments: str, **programs: str) -> subprocess.CompletedProcess[str]:
    """Run make with only the system's programs and these in its PATH."""
    for name, text in programs.items():
        write_program(folder / "bin" / name, text)
    given = {name: value for name, value in os.environ.items() if name not in _OF_MAKE}
    environ = {**given, "PATH": f"{folder / 'bin'}:/usr/bin:/bin"}
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=50
    )


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_make_run_installs_only_what_runs_and_starts_both_programs(folder: Path) -> None:
    answer = make(folder, "run")
    assert answer.returncode == 0, answer.stderr
    install, start = calls(folder)
    assert install.startswith("pip install ")
    assert install.endswith("--only-binary :all: --require-hashes -r requirements.lock")
    assert start == "python -m server --with-worker"
    said = answer.stdout.splitlines()
    assert said == [
        "Installing about 100 MB into .venv, once",
        "  1 of 3: tornado",
        "  2 of 3: peewee",
        "  3 of 3: job_service_scan",
        "  3 packages fetched, unpacking them",
        "-m server --with-worker",
    ]
    make(folder, "run")
    assert calls(folder)[2:] == [start]


def test_tests_install_the_rest_into_the_same_environment(folder: Path) -> None:
    make(folder, "run")
    answer = make(folder, "docs")
    assert answer.returncode == 0, answer.stderr
    assert [line for line in calls(folder) if "pip" in line][1].endswith(
        "-r requirements.lock -r requirements-tracing.lock -r tests/requirements.lock"
    )
    make(folder, "docs")
    make(folder, "run")
    assert sum("pip" in line for line in calls(folder)) == 2


def test_an_installation_that_fails_is_repeated(folder: Path) -> None:
    write_program(folder / ".venv/bin/pip", "#!/bin/sh\necho 'no connection' >&2\nexit 1\n")
    answer = make(folder, "run")
    assert answer.returncode != 0
    assert "no connection" in answer.stderr
    assert not (folder / ".venv/installed").exists()
    write_program(folder / ".venv/bin/pip", PIP)
    assert make(folder, "run").returncode == 0


def test_uv_is_used_if_it_is_there(folder: Path) -> None:
    answer = make(folder, "run", uv='#!/bin/sh\necho "uv $*" >> calls\n')
    assert answer.returncode == 0, answer.stderr
    install, start = calls(folder)
    assert install.startswith("uv pip install --python .venv/bin/python ")
    assert install.endswith("--require-hashes -r requirements.lock")
    assert start == "python -m server --with-worker"


def test_uv_makes_the_environment_and_brings_a_python_if_there_is_none(folder: Path) -> None:
    shutil.rmtree(folder / ".venv")
    make(folder, "run", uv='#!/bin/sh\necho "uv $*" >> calls\n', python3="#!/bin/sh\nexit 1\n")
    assert calls(folder)[0] == "uv venv --quiet --seed --python 3.13 .venv"


@pytest.mark.parametrize(
    ("programs", "reason"),
    [
        ({"uname": "#!/bin/sh\necho Darwin\n"}, "The service needs Linux; this is Darwin."),
        ({"uname": "#!/bin/sh\necho MINGW64_NT\n"}, "The service needs Linux; this is MINGW64_NT."),
        ({"python3": "#!/bin/sh\nexit 1\n"}, "Python 3.11 or newer is needed, and python3 is not"),
        (
            {"python3": '#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\n'},
            "python3 cannot make virtual environments",
        ),
    ],
    ids=["macOS", "Windows", "old Python", "no venv"],
)
def test_where_the_programs_cannot_run_the_commands_of_docker_are_shown(
    folder: Path, programs: dict[str, str], reason: str
) -> None:
    answer = make(folder, "run", **programs)
    assert answer.returncode != 0
    assert reason in answer.stderr
    assert DOCKER in answer.stderr
    assert not (folder / "calls").exists()


def test_a_python_that_does_not_exist_is_named(folder: Path) -> None:
    answer = make(folder, "run", "PYTHON=python9.9")
    assert "Python 3.11 or newer is needed, and python9.9 is not" in answer.stderr
    assert DOCKER in answer.stderr


def test_the_readme_shows_the_same_commands_of_docker() -> None:
    assert f"    {DOCKER}\n" in (ROOT / "README.md").read_text()


# Packages of own job types

SERVER = """
import thing, shared
print("thing of", thing.__file__)
print("shared of", shared.__file__)
"""


def wheel(folder: Path, name: str, needs: str = "") -> Path:
    """A wheel with one empty module."""
    file = folder / f"{name}-1.0-py3-none-any.whl"
    needed = f"Requires-Dist: {needs}\n" if needs else ""
    with zipfile.ZipFile(file, "w") as archive:
        about = f"{name}-1.0.dist-info"
        archive.writestr(f"{name}.py", "")
        archive.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needed}"
        )
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "")
    return file


@pytest.fixture
def real_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an environment that is real, where a package of the service is `shared`."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    shutil.rmtree(folder / ".venv")
    venv.create(folder / ".venv", symlinks=True)
    pip = f'#!/bin/sh\necho "pip $*" >> calls\nexec {sys.executable} -m pip "$@"\n'
    write_program(folder / ".venv/bin/pip", pip)
    (folder / ".venv/installed").touch()
    (packages,) = folder.glob(".venv/lib/python*/site-packages")
    (packages / "shared.py").touch()
    (folder / "server.py").write_text(SERVER)
    (folder / "job_types").mkdir()
    return folder


def require(folder: Path, *lines: object) -> None:
    (folder / "job_types/requirements.txt").write_text("".join(f"{line}\n" for line in lines))


@pytest.mark.heavy
def test_packages_of_job_types_are_found_behind_those_of_the_service(real_folder: Path) -> None:
    require(real_folder, wheel(real_folder, "thing"), wheel(real_folder, "shared"))
    answer = make(real_folder, "run")
    assert answer.returncode == 0, answer.stderr
    thing, shared = answer.stdout.splitlines()[-2:]
    assert thing == f"thing of {real_folder}/.venv/job_types/thing.py"
    assert shared.startswith(f"shared of {real_folder}/.venv/lib/")
    make(real_folder, "run")
    assert len(calls(real_folder)) == 1


@pytest.mark.heavy
def test_packages_that_are_no_longer_required_are_removed(real_folder: Path) -> None:
    require(real_folder, wheel(real_folder, "thing"))
    assert make(real_folder, "run").returncode == 0
    (real_folder / "job_types/requirements.txt").unlink()
    answer = make(real_folder, "run")
    assert "No module named 'thing'" in answer.stderr
    assert not (real_folder / ".venv/job_types").exists()


@pytest.mark.heavy
def test_packages_cannot_replace_those_of_the_service(real_folder: Path) -> None:
    require(
        real_folder, wheel(real_folder, "thing", needs="peewee<4"), wheel(real_folder, "peewee")
    )
    answer = make(real_folder, "run")
    assert answer.returncode != 0
    assert "Packages that the service has as well need its versions" in answer.stderr
    assert "peewee==4.5.3" in (real_folder / ".venv/versions.txt").read_text().splitlines()
    assert not (real_folder / ".venv/job_types").exists()
