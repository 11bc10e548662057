"""The release: one number everywhere, and the files that `make release` writes."""

import shutil
import subprocess
from pathlib import Path

import pytest

from storage.records.release import RELEASE
from tests.support import release
from tests.support.paths import ROOT
from tests.support.warm_start import run_program

CHANGELOG = """# Changelog

## Unreleased

- not yet

## 1.3.0 - 2026-01-02

### Added

- a

## 1.2.0 - 2026-01-01

- b
"""


def test_all_files_name_the_same_release() -> None:
    assert release.wrong_numbers(ROOT) == []


def test_a_file_with_another_number_is_named(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "client/jobservice").mkdir(parents=True)
    (tmp_path / "client/jobservice/version.py").write_text('VERSION = "9.9.9"\n')
    lines = release.wrong_numbers(tmp_path)
    assert [line.split(",")[0] for line in lines] == [
        "CHANGELOG.md says 1.3.0",
        "client/jobservice/version.py says 9.9.9",
    ]


def test_the_number_is_written_into_all_files_that_repeat_it(tmp_path: Path) -> None:
    for file in (
        "client/jobservice/version.py",
        "client/pyproject.toml",
        "loganalysis/pyproject.toml",
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text((ROOT / file).read_text().replace(RELEASE, "0.0.9"))
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG.replace("1.3.0", RELEASE))
    assert len(release.wrong_numbers(tmp_path)) == 3
    release.write_number(tmp_path)
    assert release.wrong_numbers(tmp_path) == []


@pytest.mark.parametrize("program", ["server", "runner", "storage"])
def test_each_program_shows_its_release(program: str) -> None:
    answer = run_program(program, "--version", LOG_LEVEL="loud")  # also with invalid settings
    assert (answer.returncode, answer.stdout) == (0, f"job-service {RELEASE}\n")


def test_the_notes_of_a_release_are_its_section_of_the_changelog() -> None:
    assert release.notes(CHANGELOG, "1.3.0") == (
        "# Job Service 1.3.0\n\n2026-01-02\n\n### Added\n\n- a\n"
    )
    assert release.notes(CHANGELOG, "1.2.0").endswith("\n\n- b\n")
    with pytest.raises(ValueError, match=r"no section ## 1\.4\.0"):
        release.notes(CHANGELOG, "1.4.0")


def test_the_checksums_can_be_checked(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"b" * 100_000)
    (tmp_path / "a").write_bytes(b"")
    sums = release.checksums(tmp_path)
    (tmp_path / "SHA256SUMS").write_text(sums)
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    assert subprocess.run(check, cwd=tmp_path, capture_output=True).returncode == 0
    assert [line.split()[1] for line in sums.splitlines()] == ["a", "b"]


def fail(*given: object) -> None:
    raise subprocess.CalledProcessError(1, "pex")


def test_what_cannot_be_built_here_is_left_out_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(release, "DIST", tmp_path / "dist")
    monkeypatch.setattr(release, "CLIENT", tmp_path / "client")
    monkeypatch.setattr(release, "ROOT", tmp_path)
    monkeypatch.setattr("tests.support.audit.install_tools", lambda: None)
    for part in ("storage/records", "job_service"):  # the number, and what adds packages
        shutil.copytree(ROOT / part, tmp_path / part)
    for file in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / file, tmp_path)
    for requirements in ROOT.glob("req*.txt"):
        shutil.copy(requirements, tmp_path)
    monkeypatch.setattr(release, "time_of_commit", lambda: "315532800")
    monkeypatch.setattr("tests.support.distributions.build_pyz", fail)
    monkeypatch.setenv("PATH", str(tmp_path))  # no docker
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG.replace("1.3.0", RELEASE))
    release.main()
    said = capsys.readouterr().out
    for text in (
        "no image: ",
        "no pyz: ",
        "no client: ",
        "no bill of materials: ",
        "RELEASE_NOTES.md",
    ):
        assert text in said
    assert sorted(file.name for file in (tmp_path / "dist").iterdir()) == [
        "RELEASE_NOTES.md",
        "SHA256SUMS",
        f"job_service-{RELEASE}-py3-none-any.whl",
    ]
