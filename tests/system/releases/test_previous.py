"""Which commit counts as the previous release."""

import subprocess
from pathlib import Path

import pytest

from tests.system.releases import previous


def commit(folder: Path, number: str, note: str) -> str:
    """Commit a release's number and another file; return the commit."""
    (folder / previous.NUMBER).write_text(f'RELEASE = "{number}"\n')
    (folder / "note").write_text(note)
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", note], check=True)
    return subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / previous.NUMBER).parent.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.setattr(previous, "ROOT", tmp_path)
    monkeypatch.setattr(previous, "CACHE", tmp_path / ".cache")
    return tmp_path


def test_the_previous_release_is_the_last_one_that_was_numbered_before(repository: Path) -> None:
    assert previous.find_previous() is None
    first = commit(repository, "0.1.0", "one")
    assert previous.find_previous() is None
    commit(repository, "0.1.0", "two")
    assert previous.find_previous() == first
    second = commit(repository, "0.2.0", "three")
    assert previous.find_previous() == first
    commit(repository, "0.2.0", "four")
    assert previous.find_previous() == second


def test_the_sources_of_a_release_are_those_of_its_commit(repository: Path) -> None:
    (repository / "requirements.lock").write_text("")
    first = commit(repository, "0.1.0", "one")
    commit(repository, "0.2.0", "two")
    for _ in range(2):
        assert (previous.get_release(first).folder / "note").read_text() == "one"
