"""docs/in-five-minutes.md and docs/moving.md: their commands and examples run as they stand."""

import json
import re
from pathlib import Path

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.paths import ROOT
from tests.support.programs import Service, running_service
from tests.support.recipes import recipe, require_program, run_commands

pytestmark = [pytest.mark.sqlite, pytest.mark.timeout(180)]  # each test starts many programs
FIVE_MINUTES = ROOT / "docs/in-five-minutes.md"
MOVING = ROOT / "docs/moving.md"


def test_the_commands_of_the_first_five_minutes_print_what_stands_below(tmp_path: Path) -> None:
    require_program("jq", "jq")
    text = FIVE_MINUTES.read_text()
    pairs = re.findall(r"^```sh\n(.*?)^```\n```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(pairs) == text.count("```sh") == 4
    with running_service("", tmp_path, JOB_TYPES="runner.job_types") as service:
        service.worker()
        for commands, printed in pairs:
            assert run_commands(commands, service.base_url, tmp_path).startswith(printed)


def test_the_examples_for_those_who_move_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require_program("jq", "jq")
    _, invoice, client = recipe("A function of Celery", "python", MOVING)
    (commands,) = recipe("A line of cron", "json", MOVING)
    folder = tmp_path / "job_types"
    folder.mkdir()
    (folder / "invoice.py").write_text(invoice)
    (folder / "commands.json").write_text(commands)
    environ = {
        "JOB_TYPES_FOLDER": str(folder),
        "JOB_TYPES": "",
        "COMMANDS_FILE": str(folder / "commands.json"),
    }
    with running_service("", tmp_path, **environ) as service:
        service.worker(**environ)
        exec(compile(client.replace("http://localhost:5000", service.base_url), MOVING, "exec"), {})
        assert capsys.readouterr().out == "{'order': 42, 'text': '9.50 EUR'}\n"
        (queued,) = recipe("A function of RQ", "sh", MOVING)
        assert json.loads(printed(service, tmp_path, queued).splitlines()[-1]) == {
            "order": 42,
            "text": "9.50 EUR",
        }
        (schedule,) = recipe("A line of cron", "sh", MOVING)
        printed(service, tmp_path, schedule)
        (job,) = service.call("GET", "/jobs?schedule=report")[1]["items"]
        done = service.wait_for_status(job["job_id"], "succeeded")
        assert done["result"] == "report of 1 days\n"


def printed(service: Service, folder: Path, script: str) -> str:
    """The output of a script that calls the command `jobservice`."""
    done = JobsCommand(service.base_url, folder).shell(script)
    assert done.code == 0, done.err
    return done.out
