"""The checks of settings."""

import json
from pathlib import Path

from admin.doctor.checks import settings
from admin.doctor.examine import examine
from tests.admin.doctor.conftest import MakeSubject
from tests.support.warm_start import run_program


def test_invalid_settings_are_findings_and_name_the_programs(subject: MakeSubject) -> None:
    made = subject(PORT="70000", CONCURRENCY_LIMIT="0", LOG_LEVEL="LOUD")
    assert not made.is_readable
    found = {each.what.partition("=")[0]: each for each in settings.check(made)}
    assert found.keys() == {"PORT", "CONCURRENCY_LIMIT", "LOG_LEVEL"}
    assert {each.level for each in found.values()} == {"error"}
    assert found["PORT"].why.startswith("the listener cannot start")
    assert found["LOG_LEVEL"].why.startswith("the worker and listener cannot start")
    assert {each.check for each in examine(made)} <= {"settings", "versions", "isolation"}


def test_invalid_settings_do_not_end_the_command() -> None:
    answer = run_program("storage", "doctor", PORT="70000")
    assert answer.returncode == 1
    assert "error    settings: PORT=70000: " in answer.stdout


def test_the_settings_of_a_file_are_examined_below_those_of_the_environment(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# of make run\nPORT=70000\nLOG_LEVEL=LOUD\n")
    arguments = ("doctor", "--json", "--env-file", str(file))
    answer = run_program("storage", *arguments, LOG_LEVEL="INFO")
    found = [each["what"] for each in json.loads(answer.stdout)["findings"]]
    assert any(what.startswith("PORT=70000: ") for what in found)
    assert not any("LOG_LEVEL" in what for what in found)
    answer = run_program("storage", "doctor", "--env-file", str(tmp_path / "none"))
    assert answer.returncode == 2
    assert "none cannot be read: No such file or directory" in answer.stderr


def test_a_mistyped_setting_is_reported_with_what_is_meant(subject: MakeSubject) -> None:
    (found,) = settings.check(subject(CONCURENCY_LIMIT="4"))
    assert found.level == "warning"
    assert "CONCURRENCY_LIMIT is meant" in found.what


def test_variables_of_other_programs_are_not_mistyped(subject: MakeSubject) -> None:
    others = {"HOME": "/root", "PORTS": "80:5000", "AWS_REGIONS": "x", "PGPORT": "5432"}
    (found,) = settings.check(subject(**others))
    assert found.level == "ok"


def test_an_open_service_without_tokens_is_reported(subject: MakeSubject) -> None:
    assert [*settings.check_access(subject())] == []
    (found,) = settings.check_access(subject(HOST="*"))
    assert found.level == "warning"
    assert "token create" in found.fix
    assert [*settings.check_access(subject(HOST="*", API_TOKENS="a:read:" + 16 * "x"))] == []


def test_no_secret_is_in_a_finding(subject: MakeSubject) -> None:
    made = subject(
        API_TOKENS="a:nobody:canary-canary-canary",
        COOKIE_SECRET="canary",
        DATABASE_URL="postgresql://jobs:canary@127.0.0.1:1/jobs?connect_timeout=2",
        AWS_SECRET_ACCESS_KEY="canary",
    )
    assert "canary" not in repr(examine(made))
    valid = subject(DATABASE_URL="postgresql://jobs:canary@127.0.0.1:1/jobs?connect_timeout=2")
    found = examine(valid)
    assert "canary" not in repr(found)
    assert "error" in {each.level for each in found if each.check == "postgresql"}
