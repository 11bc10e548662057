"""The form of a command, made from its parameters, in a real browser."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.programs import Service, running_service

COMMANDS: dict[str, Any] = {
    "resize": {
        "summary": "Prints how a picture would be made smaller.",
        "argv": [
            *("printf", "%s|", "{title}", "{width}", "{ratio}", "{format}"),
            {"if": "gray", "then": ["--gray"]},
            {"if": "note", "then": ["{note}"], "else": ["no note"]},
        ],
        "parameters": {
            "title": {"type": "text", "description": "What it is called."},
            "width": {"type": "integer", "minimum": 16, "maximum": 4096, "default": 320},
            "ratio": {"type": "number", "minimum": 0, "default": 1.5},
            "format": {"type": "text", "choices": ["jpg", "png"], "default": "jpg"},
            "gray": {"type": "boolean"},
            "note": {"type": "text"},
        },
        "stdout": "text",
    }
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with one command."""
    folder = tmp_path_factory.mktemp("commands")
    file = folder / "commands.json"
    file.write_text(json.dumps(COMMANDS))
    with running_service("", folder, JOB_TYPES="", COMMANDS_FILE=str(file)) as service:
        service.worker()
        yield service


def results(service: Service) -> list[str]:
    """The results of all jobs, the newest first, when they have ended."""
    items = service.call("GET", "/jobs?type=resize")[1]["items"]
    return [service.result(job["job_id"])["result"] for job in items]


def test_a_command_is_submitted_by_its_form(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=resize")
    form = page.locator("form.submit")
    expect(form).to_contain_text("Prints how a picture would be made smaller.")
    expect(form).to_contain_text("From commands.json (commands)")
    expect(form).to_contain_text("What it is called.")
    page.get_by_label("Title required").fill("$(id) & 'x'")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".facts")).to_be_visible()
    assert results(service) == ["$(id) & 'x'|320|1.5|jpg|no note|"]

    page.goto("/ui/submit?type=resize")
    page.get_by_label("Title required").fill("a")
    page.get_by_label("Width").fill("64")
    page.get_by_label("Ratio").fill("0.25")
    page.get_by_label("Format").select_option("png")
    page.get_by_label("Gray").check()
    page.get_by_label("Note").fill("seen")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".facts")).to_be_visible()
    assert results(service)[0] == "a|64|0.25|png|--gray|seen|"


def test_the_form_shows_at_the_field_why_a_value_is_refused(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=resize")
    page.get_by_label("Title required").fill("-rf")
    page.get_by_role("button", name="Submit").click()
    field = page.locator(".field", has=page.get_by_label("Title required"))
    expect(field).to_contain_text("it must not begin with -")
