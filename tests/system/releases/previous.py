"""The previous release: its sources, from the history of this repository, and its packages."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
CACHE = ROOT / ".cache" / "releases"
NUMBER = "storage/records/release.py"
"""The file with the number of a release."""


@dataclass(frozen=True)
class Release:
    """A release that can be started. `python` is the interpreter with its packages."""

    name: str
    folder: Path
    python: Path


def this_release() -> Release:
    """Return the release that these sources are."""
    return Release("new", ROOT, Path(sys.executable))


def find_previous() -> str | None:
    """Return the commit that numbered the last release before this commit.

    Returns None if this clone lacks it: a shallow one, or sources without a history.
    """
    found = _git("log", "-1", "--format=%H", "-G^RELEASE = ", "HEAD~1", "--", NUMBER)
    return found.strip() or None


def get_release(commit: str) -> Release:
    """Return a release of the history. It gets its own packages if its lock differs from this one.

    Sources and packages stay in `.cache`, for the next run. Raises CalledProcessError.
    """
    commit = _git("rev-parse", f"{commit}^{{commit}}", check=True).strip()
    folder = CACHE / commit[:12]
    if not folder.exists():
        _extract(commit, folder)
    return Release(f"old ({commit[:8]})", folder, _python_of(folder))


def _extract(commit: str, folder: Path) -> None:
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit], check=True, stdout=subprocess.PIPE
    ).stdout
    subprocess.run(["tar", "-x", "-C", str(new)], input=archive, check=True)
    new.rename(folder)


def _python_of(folder: Path) -> Path:
    lock = (folder / "requirements.lock").read_bytes()
    if lock == (ROOT / "requirements.lock").read_bytes():
        return Path(sys.executable)
    digest = hashlib.sha256(lock + sys.version.encode()).hexdigest()[:12]
    place = CACHE / f"packages-{digest}"
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        install = ["pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        hashed = ["--only-binary", ":all:", "--require-hashes", "-r", "requirements.lock"]
        subprocess.run([str(python), "-m", *install, *hashed], check=True, cwd=folder)
        (place / "complete").touch()
    return python


def _git(*arguments: str, check: bool = False) -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), *arguments], check=check, capture_output=True, text=True
    )
    return done.stdout
