"""Builds what people install: wheels, and the one file that has everything, the pyz.

The pyz is made by pex. It holds the service and the wheels of all packages that it needs. When it
starts for the first time, it unpacks the fitting ones into a virtual environment below
~/.cache/pex.
"""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from packaging import tags

from tests.support import audit
from tests.support.paths import ROOT

MACHINES = ("x86_64", "aarch64")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
GLIBC = 28
"""Wheels for Linux with this version of glibc 2, or an older one: Debian 10, RHEL 8."""


def build_project(project: Path, folder: Path, time_of_build: str, *targets: str) -> None:
    """Build a wheel, an sdist or both of the pyproject.toml in a folder, into another folder.

    Equal sources give equal files, with the time of the build in seconds since 1970.
    """
    options = [part for target in targets for part in ("--target", target)]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", *options, "--directory", folder],
        cwd=project,
        env={**os.environ, "SOURCE_DATE_EPOCH": time_of_build},
        stdout=subprocess.DEVNULL,
        check=True,
    )


def wheel_in(folder: Path) -> Path:
    """The wheel of the service in a folder."""
    return next(folder.glob("job_service-*.whl"))


def build_pyz(wheel: Path, file: Path, packages: Sequence[str]) -> None:
    """Write the pyz of a wheel.

    `packages` are pex's options that say where the packages of requirements.lock come from: all
    have to have one of the hashes there.
    """
    with tempfile.TemporaryDirectory() as work:
        sources, lock = Path(work, "sources"), Path(work, "requirements.lock")
        with zipfile.ZipFile(wheel) as content:
            content.extractall(sources)
        lock.write_text(audit.without_own((ROOT / "requirements.lock").read_text()))
        command: list[str | Path] = [sys.executable, "-m", "pex", "--sources-directory", sources]
        command += ["--requirement", lock, "--intransitive", "--no-build", *packages]
        # Jobs may read what lies in the environment, but not what its links lead to.
        command += ["--venv", "--venv-site-packages-copies", "--no-compile"]
        command += ["--python-shebang", "/usr/bin/env python3", "--entry-point", "job_service"]
        command += ["--output-file", file]
        cache = {"PEX_ROOT": str(ROOT / ".cache/pex")}
        subprocess.run(command, env={**os.environ, **cache}, check=True)


def installed() -> list[str]:
    """Options for the packages of this environment, so that the pyz fits this Python only."""
    return ["--venv-repository", sys.prefix, "--no-compress"]


def downloaded(machines: Sequence[str] = MACHINES, pythons: Sequence[str] = PYTHONS) -> list[str]:
    """Options for machines and Pythons, by default all; the packages come from an index."""
    platforms = [_platform(*each) for each in product(machines, pythons)]
    options = [part for each in platforms for part in ("--complete-platform", each)]
    return [*options, "--use-pip-config", "--resolver-version", "pip-2020-resolver"]


def _platform(machine: str, python: str) -> str:
    """A machine with a version of Python, as pex describes them."""
    version = (3, int(python.partition(".")[2]))
    names = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 4, -1)]
    names += [f"manylinux{year}_{machine}" for year in ("2014", "2010", "1")]
    abi = f"cp{python.replace('.', '')}"
    found = [
        *tags.cpython_tags(version, [abi], names),
        *tags.compatible_tags(version, abi, names),
    ]
    markers = {
        **{"implementation_name": "cpython", "implementation_version": f"{python}.0"},
        **{"platform_python_implementation": "CPython", "os_name": "posix"},
        **{"platform_machine": machine, "platform_system": "Linux", "sys_platform": "linux"},
        **{"platform_release": "", "platform_version": ""},
        **{"python_full_version": f"{python}.0", "python_version": python},
    }
    return json.dumps({"marker_environment": markers, "compatible_tags": [*map(str, found)]})
