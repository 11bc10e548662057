"""Commands among the job types of a program."""

import json
from pathlib import Path
from typing import Any

import pytest

from runner.job_types.base import Defaults, NotRetryable
from runner.job_types.registry.found import JobTypes
from runner.job_types.registry.loader import PACKAGES, find, load
from storage.settings.settings import Settings, SettingsError


def found(folder: Path, **commands: dict[str, Any]) -> JobTypes:
    """The job types of a program that has these commands, one in each line."""
    lines = [f'"{name}": {json.dumps(command)}' for name, command in commands.items()]
    (folder / "commands.json").write_text("{\n" + ",\n".join(lines) + "\n}")
    return find([*PACKAGES, f"commands:{folder / 'commands.json'}"])


def test_commands_are_job_types_beside_the_others(tmp_path: Path) -> None:
    defaults = {"timeout": 60, "backoff": [1, 2], "queue": "media"}
    types = found(tmp_path, count={"argv": ["wc"], "summary": "Counts.", "defaults": defaults})
    assert sorted(types) == ["analyze", "count", "sleep"]
    origin = types.origins["count"]
    assert (origin.kind, origin.file) == ("commands", "commands.json")
    assert types["count"].defaults == Defaults(timeout=60, backoff=[1, 2], queue="media")
    assert types["count"].summary == "Counts."
    assert sorted(find(types.packages)) == sorted(types)


def test_a_command_does_not_replace_another_job_type(tmp_path: Path) -> None:
    types = found(tmp_path, a={"argv": ["true"]}, sleep={"argv": ["sleep", "5"]})
    assert types.origins["sleep"].kind == "built-in"
    (broken,) = types.broken
    assert (broken.place, broken.name) == ("commands.json:3", "sleep")
    assert "the name 'sleep' is taken" in broken.reason
    assert "-sleep" in broken.remedy


@pytest.mark.parametrize(
    ("defaults", "reason"),
    [
        ({"timeout": 0}, "defaults: timeout must be a number of seconds above 0"),
        ({"max_retries": 1.5}, "defaults: max_retries must be a whole number"),
        ({"queue": "a b"}, "defaults: queue: "),
        ({"backoff": "fast"}, "defaults: backoff: "),
    ],
)
def test_a_default_that_no_job_can_have_is_reported_with_its_line(
    tmp_path: Path, defaults: dict[str, Any], reason: str
) -> None:
    types = found(tmp_path, a={"argv": ["true"]}, b={"argv": ["true"], "defaults": defaults})
    assert "b" not in types
    (broken,) = types.broken
    assert broken.place == "commands.json:3"
    assert reason in broken.reason


def test_a_worker_without_a_program_leaves_its_command_out(tmp_path: Path) -> None:
    found(tmp_path, a={"argv": ["no-such-program"]}, b={"argv": ["true"]})
    entry = load([*PACKAGES, f"commands:{tmp_path / 'commands.json'}"])
    (note,) = entry.notes
    assert note["file"] == "commands.json:2"
    assert note["reason"].startswith("this worker has no program 'no-such-program'")
    assert note["remedy"].startswith("install it where the worker runs")
    request = {"job_id": "1", "attempt": 1, "payload": {}, "upload": None}
    assert entry(json.dumps({**request, "type": "b"}), print) == '{"exit_code":0}'
    with pytest.raises(NotRetryable, match="this worker has no program"):
        entry(json.dumps({**request, "type": "a"}), print)


def test_a_command_that_is_wrong_is_reported_in_one_line(tmp_path: Path) -> None:
    (broken,) = found(tmp_path, a={"argv": ["echo", "{x"], "b\nc\x1b" * 200: 1}).broken
    assert broken.reason.isprintable()
    assert len(broken.reason) <= 300


def test_commands_are_read_from_the_file_of_the_setting(tmp_path: Path) -> None:
    file = tmp_path / "commands.json"
    file.write_text("{}")
    settings = Settings.read({"COMMANDS_FILE": str(file)})
    assert f"commands:{file}" in settings.job_type_sources
    assert not any(each.startswith("commands:") for each in Settings.read({}).job_type_sources)
    with pytest.raises(SettingsError, match=r"COMMANDS_FILE=.*: there is no such file"):
        Settings.read({"COMMANDS_FILE": str(tmp_path / "none.json")})


def test_a_file_that_is_no_json_stands_for_the_commands_in_its_text(tmp_path: Path) -> None:
    path = tmp_path / "commands.json"
    path.write_text('{"count": {"argv": ["wc", "-l"]} "to-html": {"argv": ["pandoc"]}}')
    types = find([*PACKAGES, f"commands:{path}"])
    for name in ("count", "to-html"):
        broken = types.broken_for(name)
        assert broken is not None
        assert "it is not JSON" in broken.reason
    assert types.broken_for("argv") is None
