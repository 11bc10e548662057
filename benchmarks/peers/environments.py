"""A virtual environment for each peer, with the pinned versions of requirements/NAME.txt."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements"


def python_of(name: str, cache: Path) -> Path:
    """The interpreter of a peer's environment, which is created if necessary.

    Other requirements or another version of Python use another environment. Raises
    subprocess.CalledProcessError; pip's messages are on stderr.
    """
    key = (REQUIREMENTS / f"{name}.txt").read_bytes() + sys.version.encode()
    folder = cache / f"{name}-{hashlib.sha256(key).hexdigest()[:12]}"
    installed = folder / "installed"
    if not installed.exists():
        sys.stderr.write(f"installing {name} in {folder}\n")
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        requirements = str(REQUIREMENTS / f"{name}.txt")
        subprocess.run([*pip, "-r", requirements], check=True, stdout=sys.stderr)
        installed.touch()
    return folder / "bin" / "python"


def versions(name: str, *packages: str) -> list[str]:
    """The pinned versions of a peer's packages, such as `celery 5.7.0`."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", (REQUIREMENTS / f"{name}.txt").read_text(), re.M))
    return [f"{package} {pins[package]}" for package in packages]
