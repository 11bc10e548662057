"""The documents for users: the README's commands run as written and give the answers shown;
the example of a job type works, and the pages of settings and errors are current."""

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.config import RunnerSettings
from runner.job_types.commands.definition import Definition
from runner.job_types.commands.file import command_types
from runner.job_types.registry import loader as job_types
from server.documents.schemas.job_schemas import JobView
from server.settings.server import ServerSettings
from tests.support import errors_page, settings_page
from tests.support.paths import ROOT, TESTS
from tests.support.programs import Service, running_service
from tests.support.recipes import run_commands


def blocks(page: str, kind: str) -> list[str]:
    """The code blocks of a kind in a Markdown page."""
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


COMMANDS = blocks("README.md", "sh")
ANSWERS = [json.loads(text) for text in blocks("README.md", "json")]


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
    if shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    service.worker()
    printed = run_commands("\n".join(COMMANDS), service.base_url, tmp_path)
    real = [json.loads(line) for line in printed.splitlines() if line[:1] == "{"]
    assert len(real) == len(ANSWERS) == 4
    assert [same_shape(shown, found) for shown, found in zip(ANSWERS, real, strict=True)] == [
        True
    ] * 4
    submitted, waited, _, canceled = zip(ANSWERS, real, strict=True)
    assert submitted[1]["status"] == submitted[0]["status"]
    (table,) = blocks("README.md", "text")
    assert table in printed
    assert waited[1]["status"] == waited[0]["status"]
    assert canceled[1]["message"] == canceled[0]["message"]


@pytest.mark.parametrize("code", blocks("docs/job-types.md", "python"), ids=["function", "class"])
def test_the_examples_of_job_types_work(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "greetings_of_the_docs.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    entry = job_types.load(["greetings_of_the_docs"])
    request = {"job_id": "1", "attempt": 1, "type": "greet", "payload": {"name": "you"}}
    answer = entry(json.dumps({**request, "upload": None}), print)
    assert json.loads(answer) == {"text": "hello you"}


def test_the_examples_of_commands_are_right(tmp_path: Path) -> None:
    examples = blocks("docs/commands.md", "json")
    assert examples
    for number, example in enumerate(examples):
        file = tmp_path / f"{number}.json"
        file.write_text(example)
        found, broken = command_types(file)
        assert found
        assert broken == []


def test_the_page_of_commands_has_all_fields() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    section = page.split("\n## All fields\n")[1].split("\n## ")[0]
    rows = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    shown = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert shown == Definition.model_fields.keys()


def test_the_example_of_secrets_gives_each_program_secrets_that_it_reads(tmp_path: Path) -> None:
    (example,) = blocks("docs/security.md", "yaml")
    (tmp_path / "secrets.yml").write_text(example)
    version = ["docker", "compose", "version"]
    if shutil.which("docker") is None or subprocess.run(version, capture_output=True).returncode:
        pytest.skip("docker compose is not installed")
    files = ["-f", str(ROOT / "docker-compose.yml"), "-f", str(tmp_path / "secrets.yml")]
    command = ["docker", "compose", *files, "config", "--format", "json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    config = json.loads(answer.stdout)
    for name, settings in (("listener", ServerSettings), ("worker", RunnerSettings)):
        service = config["services"][name]
        given = {key: value for key, value in service["environment"].items() if value}
        files_of = {f"/run/secrets/{each['source']}" for each in service["secrets"]}
        named = {value for key, value in given.items() if key.endswith("_FILE")}
        assert named == files_of
        allowed = {f"{each}_FILE" for each in settings.secrets()} | {"API_TOKENS_FILE"}
        assert {key for key in given if key.endswith("_FILE")} <= allowed
        inside = {path: tmp_path / path.rpartition("/")[2] for path in files_of}
        for path in inside.values():
            path.write_text("postgresql://jobs:secret@db/jobs\n")
        (tmp_path / "api_tokens").write_text("ci:admin:0123456789abcdef\n")
        read = settings.read({key: str(inside.get(value, value)) for key, value in given.items()})
        assert read.database_url == "postgresql://jobs:secret@db/jobs"
    assert "api_tokens" not in {each["source"] for each in config["services"]["worker"]["secrets"]}


def test_the_page_of_settings_is_what_the_settings_classes_say() -> None:
    current = settings_page.PAGE.read_text() == settings_page.page()
    assert current, "docs/settings.md is out of date: run `make docs`"


def test_the_page_of_errors_is_what_the_table_of_problems_says() -> None:
    current = errors_page.PAGE.read_text() == errors_page.page()
    assert current, "docs/errors.md is out of date: run `make docs`"


def section(title: str) -> str:
    """A section of docs/jobs.md, up to the next title."""
    return (ROOT / "docs" / "jobs.md").read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_page_of_the_api_has_all_reasons_why_a_job_does_not_run() -> None:
    source = (ROOT / "server" / "documents" / "explanations.py").read_text()
    codes = {*re.findall(r'(?:yield \(?\s*|: \()"([a-z_]+)"', source)}
    assert {"final", "waits_for_key", "deadline_at_risk"} <= codes
    shown = {*re.findall(r"`([a-z_]+)`", section("Why a job does not run yet"))}
    assert codes - shown == set()


def test_the_page_of_the_api_has_all_fields_of_a_job() -> None:
    shown = {*re.findall(r"`([a-z0-9_]+)`", section("The job document"))}
    assert {*JobView.__annotations__} - shown == set()


def test_the_readme_fits_on_a_few_screens() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.parametrize("page", NAMES)
def test_every_block_of_code_can_be_read(page: str) -> None:
    """That many of them run, and what they print, is tested one by one."""
    for code in blocks(page, "python"):
        compile(code, page, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for code in blocks(page, "json"):
        json.loads(code)
    for code in blocks(page, "yaml"):
        list(yaml.parse(code))
    scripts = "\n".join(blocks(page, "(?:sh|bash)"))
    if scripts:
        subprocess.run(["bash", "-n"], input=scripts.encode(), check=True)


def test_no_page_of_the_docs_is_longer_than_400_lines() -> None:
    pages = [page for page in PAGES if page.parent != ROOT]
    assert [page.name for page in pages if len(page.read_text().splitlines()) > 400] == []


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {text.replace(" ", "-") for text in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_and_path_in_a_page_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", text)
    targets = [(page.parent / path if path else page, anchor) for path, anchor in links]
    assert [str(target) for target, _ in targets if not target.exists()] == []
    broken = [anchor for target, anchor in targets if anchor and anchor not in anchors(target)]
    assert broken == []
    paths = re.findall(
        r"`((?:server|runner|storage|tests|benchmarks|docs|deploy)/[\w/.*-]*)`", text
    )
    assert [path for path in paths if not (is_there(path) or EXAMPLES.search(path))] == []


EXAMPLES = re.compile("greet|NAME|NNNN")
"""Names in checklists that stand for a name of the reader's own."""


def is_there(path: str) -> bool:
    """Whether a path or pattern names something; tables of tests leave `tests/` out."""
    return any(list(folder.glob(path.rstrip("/"))) for folder in (ROOT, ROOT / "tests"))


def test_the_tests_that_contributing_names_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    tests = "".join(path.read_text() for path in TESTS.rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", text) + re.findall(r"-k (\w+)", text)
    assert named
    for name in named:
        assert re.search(rf"def \w*{name}", tests), name
