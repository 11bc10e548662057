"""The wheel and the pyz are installed and used. The current folder, and the environment of the
wheel, have packages with the names of the service's packages. The service must not import them."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from job_service import __main__ as command
from storage.records.release import RELEASE
from tests.support import distributions
from tests.support.distributions import build_project, build_pyz, wheel_in
from tests.support.paths import ROOT
from tests.support.programs import Program, Service
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.timeout(240), pytest.mark.sqlite]

TYPE = '''
"""An own job type."""

import os
import subprocess
import sys

from runner.job_types import job


@job("{name}")
def look(text: str = "") -> dict[str, object]:
    """Tells what programs that this job starts can import, and what the job itself can."""
    import markdown_it  # the first import of it, in the job's process

    done = subprocess.run([sys.executable, "-c", "import storage"], capture_output=True, cwd="/")
    return {{
        "seen": sorted(os.environ.keys() & {{"PYTHONPATH", "PYTHONSAFEPATH"}}),
        "child": done.stderr.decode().strip().rpartition("\\n")[2],
        "letters": len(text),
    }}
'''
LOOKED = {
    "seen": [],
    "child": "ModuleNotFoundError: No module named 'storage'",
    "letters": 20_000,
}
OTHERS = {
    "server/__init__.py": 'NAME = "of others"\n',
    "own_types.py": TYPE.format(name="look_installed"),
    "own_types-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: own-types\nVersion: 1.0\n",
    "own_types-1.0.dist-info/entry_points.txt": "[job_service.types]\nown = own_types\n",
}
"""Packages of others that are installed beside the service, one of them with a job type."""


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def current(tmp_path: Path) -> Path:
    """The folder in which the service is started."""
    decoy = {f"{name}/__init__.py": "raise SystemExit(7)" for name in ("runner", "storage")}
    types = {"job_types/own.py": TYPE.format(name="look")}
    return write(tmp_path / "current", {**decoy, **types})


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build_project(ROOT, folder, "315532800", "wheel")
    return wheel_in(folder)


class Installed:
    """A service that was installed, with the command that starts it."""

    def __init__(self, command: list[str], current: Path, **environ: str):
        self._command, self.current = command, current
        settings = {"PORT": "0", "LOG_FORMAT": "json", "DRAIN_SECONDS": "1"}
        own = {**settings, "BACKUP_TO": str(current / "scheduled"), **environ}
        strangers = ("PYTHON", "DATA", "JOB")
        self._environ = {
            name: value
            for name, value in {**os.environ, **own}.items()
            if not name.startswith(strangers)
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command until it ends."""
        return subprocess.run(
            [*self._command, *arguments],
            cwd=self.current,
            env=self._environ,
            capture_output=True,
            text=True,
        )

    @contextmanager
    def running(self) -> Iterator[Service]:
        """Start the service. At the end, SIGTERM stops it, and its exit code must be 0."""
        program = InFolder(self._command, self.current, self._environ)
        try:
            base_url = program.logged("service ready")["url"]
            yield Service(self.current, {}, program, base_url)
            assert program.stop() == 0, program.log.read_text()
        finally:
            if program.process.poll() is None:
                program.stop(signal.SIGKILL)


class InFolder(Program):
    """The program that a command starts in a folder."""

    def __init__(self, command: list[str], folder: Path, environ: dict[str, str]):
        self._command, self._folder = command, folder
        super().__init__("job-service", folder, environ)

    def _start(self, environ: dict[str, str], *given: object) -> subprocess.Popen[bytes]:
        with self.log.open("w") as log:
            return subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def use(installed: Installed) -> None:
    """A job, an upload, a cancel, a restart, and the programs beside the service."""
    with installed.running() as service:
        looked = service.result(service.submit("look", {"text": "a" * 20_000}))
        assert looked["result"] == LOOKED, looked  # checked by the process for large payloads
        from_others = service.result(service.submit("look_installed", {"text": "a" * 20_000}))
        assert from_others["result"] == LOOKED, from_others
        counted = service.upload(b"ERROR disk\nok\n", {"patterns": ["ERROR"]})
        assert service.result(counted)["result"]["counts"] == {"ERROR": 1}
        status, lines = service.call("GET", f"/jobs/{counted}/lines")
        assert status == 200, lines  # a process of its own reads them
        sleeping = service.submit("sleep", {"seconds": 600})
        service.wait_for_status(sleeping, "running")
        assert service.call("POST", f"/jobs/{sleeping}/cancel")[0] == 200
        with urllib.request.urlopen(f"{service.base_url}/docs/backup") as guide:
            assert guide.status == 200
        wait_for(lambda: list((installed.current / "scheduled").glob("*/*")), timeout=30)
    with installed.running() as service:
        assert service.job(counted)["status"] == "succeeded"
        assert service.job(sleeping)["status"] == "canceled"
        assert service.result(service.submit("sleep", {"seconds": 0}))["status"] == "succeeded"
    backup = installed.run("storage", "backup", "--to", "backups")
    assert backup.returncode == 0, backup
    checked = installed.run("runner", "types", "check")
    assert "look " in checked.stdout, checked
    assert "look_installed " in checked.stdout, checked
    assert (installed.current / "data/jobs.db").is_file()


def test_the_wheel_gives_commands_and_leaves_common_names_free(
    wheel: Path, current: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "environment"
    venv.create(environment)
    python = environment / "bin/python"
    install = ("install", "--quiet", "--no-deps", "--no-index", "--no-compile", wheel)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    subprocess.run([*pip, *install], check=True)
    packages = next(environment.glob("lib/*/site-packages"))
    names = {path.name for path in packages.iterdir()}
    assert names == {"job_service", f"job_service-{RELEASE}.dist-info"}
    write(packages, OTHERS)
    # The service finds the packages that it needs in the environment of the tests.
    (packages / "needed.pth").write_text(
        "\n".join(each for each in sys.path if "-packages" in each)
    )
    code = "import server; print(server.NAME); import storage"
    plain = subprocess.run([python, "-c", code], cwd="/", capture_output=True, text=True)
    assert plain.stdout == "of others\n"
    assert "No module named 'storage'" in plain.stderr
    installed = Installed([str(environment / "bin/job-service")], current)
    use(installed)
    version = subprocess.run(
        [environment / "bin/job-service-storage", "--version"], text=True, capture_output=True
    )
    assert version.stdout == f"job-service {RELEASE}\n"
    assert installed.run("--version").stdout == f"job-service {RELEASE}\n"
    assert "job-service {server,runner,storage}" in installed.run("--help").stdout
    assert installed.run("storage", "--help").stdout.startswith("usage: job-service storage ")
    for unknown in ("start", "os", "server.nothing", "../storage"):
        assert installed.run(unknown).stderr.startswith(
            f"job-service: there is no program {unknown}"
        )


def test_the_pyz_is_one_file_that_needs_no_network(
    wheel: Path, current: Path, tmp_path: Path
) -> None:
    file = tmp_path / "job-service.pyz"
    build_pyz(wheel, file, distributions.installed())
    others = write(tmp_path / "others", OTHERS)
    command = [sys.executable, str(file)]
    unpacked = {"PEX_ROOT": str(tmp_path / "unpacked"), "PEX_EXTRA_SYS_PATH": str(others)}
    use(Installed(command, current, **unpacked))


@pytest.mark.heavy
def test_the_pyz_brings_the_wheels_of_other_machines_and_pythons(
    wheel: Path, tmp_path: Path
) -> None:
    file = tmp_path / "job-service.pyz"
    build_pyz(wheel, file, distributions.downloaded(["aarch64"], ["3.14"]))
    with zipfile.ZipFile(file) as content:
        names = {name.split("/")[1] for name in content.namelist() if name.startswith(".deps/")}
    compiled = {name.partition("-")[0] for name in names if "aarch64" in name}
    assert compiled >= {"cryptography", "orjson", "psycopg_binary", "pydantic_core", "uvloop"}
    assert not [name for name in names if "x86_64" in name or "-cp313-" in name]


def test_the_wheel_needs_what_the_image_installs() -> None:
    """Both are read from one file, but for the kernel, which the wheel brings."""
    command = [sys.executable, "-m", "hatchling", "metadata"]
    found = json.loads(subprocess.check_output(command, cwd=ROOT))
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned, wanted = (
        {canonicalize_name(line.partition("==")[0]) for line in each if "==" in line}
        for each in (lines, found["dependencies"])
    )
    assert pinned - wanted == {"job-service-scan"}
    assert found["version"] == RELEASE


@pytest.mark.parametrize(("given", "used"), [("", "text"), ("json", "json")])
def test_both_programs_together_log_for_people_unless_a_format_is_set(
    given: str, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(command, "run", lambda *each: started.append(each))
    monkeypatch.setattr(sys, "argv", ["job-service"])
    monkeypatch.setenv("LOG_FORMAT", given)
    command.main()
    assert (os.environ["LOG_FORMAT"], started) == (used, [("server", ["--with-worker"])])
