"""Job types of a folder in the form of a new job, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.programs import Service, running_service
from tests.support.type_folder import job_type

TEXT = job_type("greet", "return payload.name").replace(
    "class Mine(JobType):",
    '''class Input(Payload):
    name: str


class Mine(JobType):
    """Greets a person."""

    version = "1.2"
    defaults = Defaults(priority=3)''',
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with a folder of job types. One of them does not work."""
    folder = tmp_path_factory.mktemp("types")
    types: Path = folder / "types_of_the_page"
    types.mkdir()
    text = TEXT.replace("Payload = Payload", "Payload = Input").replace('"none"', '"optional"')
    (types / "greet.py").write_text(text)
    (types / "crop.py").write_text("\nimport no_such_package\n")
    with running_service("", folder, JOB_TYPES="", JOB_TYPES_FOLDER=str(types)) as service:
        service.worker()
        yield service


def test_a_job_of_an_own_type_is_submitted_by_its_form(service: Service, page: Page) -> None:
    page.goto("/ui/submit?type=greet")
    form = page.locator("form.submit")
    expect(form).to_contain_text("Greets a person.")
    expect(form).to_contain_text("From greet.py (folder) · version 1.2 · defaults: priority 3")
    expect(form).to_contain_text("Files (optional)")
    page.get_by_label("Name required").fill("Ann")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".facts")).to_be_visible()
    (job,) = service.call("GET", "/jobs?type=greet")[1]["items"]
    assert service.result(job["job_id"])["result"] == "Ann"
    assert job["priority"] == 3


def test_the_page_says_which_job_types_do_not_work(service: Service, page: Page) -> None:
    page.goto("/ui/submit")
    panel = page.locator("details.card")
    expect(panel).to_contain_text("1 job type of this service cannot be used")
    expect(panel.locator("li")).to_have_text(
        "crop.py:2 ModuleNotFoundError: No module named 'no_such_package'. "
        "Remedy: install the package that has no_such_package, as "
        "the guide “job types” describes, or correct the name."
    )
