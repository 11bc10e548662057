"""A virtual environment for each peer, with the pinned versions of requirements/NAME.txt."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements"


def python_of(name: str, cache: Path) -> Path:
    """The interpreter of a peer; installs what it needs, unless that has been done.

    An environment belongs to these requirements and this version of Python.
    Raises subprocess.CalledProcessError, with pip's words on stderr.
    """
    wanted = (REQUIREMENTS / f"{name}.txt").read_bytes() + sys.version.encode()
    folder = cache / f"{name}-{hashlib.sha256(wanted).hexdigest()[:12]}"
    installed = folder / "installed"
    if not installed.exists():
        sys.stderr.write(f"installing {name} in {folder}\n")
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        wanted_file = str(REQUIREMENTS / f"{name}.txt")
        subprocess.run([*pip, "-r", wanted_file], check=True, stdout=sys.stderr)
        installed.touch()
    return folder / "bin" / "python"


def versions(name: str, *packages: str) -> list[str]:
    """Packages of a peer with their pinned versions, as in `celery 5.7.0`."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", (REQUIREMENTS / f"{name}.txt").read_text(), re.M))
    return [f"{package} {pins[package]}" for package in packages]
