"""The README: its commands run as they stand there, and give the answers that stand there."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.config import RunnerSettings
from runner.job_types import loader as job_types
from server.settings.server import ServerSettings
from storage.settings.settings import Settings
from storage.settings.traces import TraceSettings
from tests.support.paths import ROOT
from tests.support.programs import Service, running_service

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [text for kind, text in BLOCKS if kind == "sh"]
ANSWERS = [json.loads(text) for kind, text in BLOCKS if kind == "json"]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with running_service("", tmp_path, JOB_TYPES="runner.job_types") as service:
        yield service


def same_shape(shown: Any, real: Any) -> bool:
    """Whether an answer has all that the README shows of it, in values of the same type."""
    if isinstance(shown, dict):
        return isinstance(real, dict) and all(
            key in real and same_shape(value, real[key]) for key, value in shown.items()
        )
    if isinstance(shown, list):
        return isinstance(real, list) and (not shown or same_shape(shown[0], real[0]))
    return type(shown) is type(real)


def test_the_curl_commands_give_the_answers_that_stand_beside_them(
    service: Service, tmp_path: Path
) -> None:
    service.worker()
    script = "\n".join(COMMANDS).replace("http://localhost:5000", service.base_url)
    answer = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    real = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(real) == len(ANSWERS) == 5
    assert [same_shape(shown, found) for shown, found in zip(ANSWERS, real, strict=True)] == [
        True
    ] * 5
    for result in (real[1]["result"], ANSWERS[1]["result"]):
        del result["file"]["seconds"], result["file"]["bytes_per_second"]
    assert real[1]["result"] == ANSWERS[1]["result"]
    assert set(real[1]) == set(ANSWERS[1])
    assert real[2]["result"]["counts"] == ANSWERS[2]["result"]["counts"]
    assert real[4]["message"] == ANSWERS[4]["message"]


def test_the_example_of_a_job_type_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = [text for kind, text in BLOCKS if kind == "python"]
    (tmp_path / "greetings_of_the_readme.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    entry = job_types.load(["greetings_of_the_readme"])
    request = {"job_id": "1", "attempt": 1, "type": "greet", "payload": {"name": "you"}}
    answer = entry(json.dumps({**request, "upload": None}), print)
    assert json.loads(answer) == {"text": "hello you"}


def test_the_table_of_settings_is_complete_and_has_the_real_defaults() -> None:
    section = README.split("\n## Settings\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", section, re.MULTILINE)
    table = {name: (program, default) for name, program, default in rows if name.isupper()}
    programs: dict[str, type[Settings]] = {
        "listener": ServerSettings,
        "worker": RunnerSettings,
        "both": TraceSettings,
    }
    expected = {}
    for program, settings in programs.items():
        for name, field in settings.model_fields.items():
            shared = name in TraceSettings.model_fields
            expected[name.upper()] = ("both" if shared else program, field.default)
    assert set(table) == set(expected)
    for name, (program, default) in expected.items():
        assert table[name][0] == program
        assert not default or table[name][1] == f"`{default}`"
