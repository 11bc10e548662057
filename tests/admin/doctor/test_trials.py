"""Trials on a scratch store: the chaos suite as the image has it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from admin.doctor.chaos import plain_environment, scratch_store
from admin.doctor.findings.subject import Subject
from storage.records.job import StoreError
from tests.support.paths import ROOT
from tests.support.warm_start import run_program
from tests.system.chaos.report import ELSEWHERE, PROMISES, print_promises

MAIN = "tests.system.chaos.__main__"
JOB_TYPES = "tests.system.chaos.job_types"
GUARDED = {"pytest"}  # by tests/support/skipping.py


def imports_of(file: Path) -> Iterator[str]:
    """The modules that a file may import."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def closure() -> tuple[set[str], set[str]]:
    """The files of tests that a chaos run imports, and the packages of others."""
    files, others, todo = set[str](), set[str](), [MAIN, JOB_TYPES]
    while todo:
        path = f"{todo.pop().replace('.', '/')}.py"
        if path in files or not (ROOT / path).is_file():
            continue
        files.add(path)
        found = list(imports_of(ROOT / path))
        todo += [each for each in found if each.startswith("tests.")]
        tops = {each.partition(".")[0] for each in found}
        others |= (
            tops
            - sys.stdlib_module_names
            - {"tests", "admin", "loganalysis", "runner", "server", "storage"}
        )
    return files, others


def in_image(path: str) -> bool:
    """Whether .dockerignore lets a file into the image: the last line that matches it decides."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.lstrip("!")
        if fnmatchcase(path, pattern) and line and not line.startswith("#"):
            verdict = line.startswith("!")
    return verdict


def test_the_image_has_all_that_a_chaos_run_imports_and_no_test() -> None:
    files, _ = closure()
    assert len(files) > 20
    assert [path for path in sorted(files) if not in_image(path)] == []
    others = [str(p.relative_to(ROOT)) for p in (ROOT / "tests").rglob("*.py")]
    assert {path for path in others if in_image(path)} == files


def test_a_chaos_run_needs_only_packages_of_the_service() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    locked = {name.replace("-", "_") for name in re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE)}
    _, others = closure()
    assert others - GUARDED <= locked


def test_every_promise_is_tried_or_named() -> None:
    page = (ROOT / "docs" / "guarantees.md").read_text()
    promises = set(re.findall(r"^\| (P\d+) \|", page, re.MULTILINE))
    assert {*PROMISES, *ELSEWHERE} == promises
    assert PROMISES.keys() & ELSEWHERE.keys() == set()


def test_programs_of_a_trial_get_no_settings_of_the_installation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {
        "API_TOKENS": "a:read:0123456789abcdef",
        "DATABASE_URL": "postgresql://real/jobs",
        "DATABASE_URL_FILE": "/x",
        "COOKIE_SECRET_FILE": "/x",
        "CONCURRENCY_LIMIT": "64",
        "AWS_REGION": "x",
        "HOME": "/home",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert given.keys() & plain_environment().keys() == {"HOME"}


def test_a_scratch_store_is_empty_and_removed(database_url: str, tmp_path: Path) -> None:
    environ = {"DATA_DIR": str(tmp_path), "DATABASE_URL": database_url}
    subject = Subject(environ)
    before = sorted(tmp_path.iterdir())
    try:
        with scratch_store(subject) as scratch:
            assert scratch.folder.parent == tmp_path
            assert list(scratch.folder.iterdir()) == []
            if subject.postgresql:
                assert "/job_service_trial_" in scratch.url
                real = Subject({**environ, "DATABASE_URL": scratch.url})
                assert real.reader().rows("SELECT count(*) FROM pg_tables WHERE tablename = 'job'")
                real.close()
            else:
                assert scratch.url == ""
        assert sorted(tmp_path.iterdir()) == before
    finally:
        subject.close()


@pytest.mark.sqlite
def test_a_trial_without_a_folder_or_with_bad_settings_says_what_to_do(tmp_path: Path) -> None:
    none = str(tmp_path / "none")
    with pytest.raises(StoreError, match="mkdir"), scratch_store(Subject({"DATA_DIR": none})):
        pass
    answer = run_program("storage", "doctor", "--chaos", "5", DATA_DIR=none)
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"not done: DATA_DIR={none} cannot be used: ")
    answer = run_program("storage", "doctor", "--chaos", "5", PORT="70000")
    assert answer.stderr.startswith("not done: the settings are invalid: PORT=70000")
    assert run_program("storage", "doctor", "--chaos", "0").returncode == 2


def test_the_suite_explains_its_options_without_pytest() -> None:
    block = "import sys; sys.modules['pytest'] = None; sys.modules['psutil'] = None; "
    block += f"sys.argv = ['x', '--help']; from {MAIN} import main; main()"
    command = [sys.executable, "-c", block]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert answer.returncode == 0, answer.stderr
    assert "--folder" in answer.stdout


def test_a_promise_that_a_run_has_not_tried_is_not_called_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_promises(["P3 somebody ran twice"], {"jobs with a unique key": 2}, 5)
    lines = dict(line.split()[:2] for line in capsys.readouterr().out.splitlines())
    assert (lines["P1"], lines["P3"], lines["P18"]) == ("kept", "BROKEN", "kept")
    assert (lines["P9"], lines["P16"], lines["P12"]) == ("untried", "untried", "untried")
    print_promises([], {}, 0)
    assert "kept" not in capsys.readouterr().out
