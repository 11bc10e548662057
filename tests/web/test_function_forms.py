"""The form of a new job of an own type, in a real browser: made of a function's annotations."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.programs import Service, running_service

TYPES = """
import enum
from datetime import date
from typing import Literal

from pydantic import BaseModel

from runner.job_types import job


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    x: int
    y: int = 0


@job("draw")
def draw(
    day: date,
    size: Literal[1, 2],
    colour: Colour = Colour.RED,
    style: Literal["dotted", "dashed"] | None = None,
    point: Point | None = None,
    width: float = 0.5,
) -> dict:
    return {}
"""
DEFAULTS = {"colour": "red", "width": 0.5}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A listener with the job type `draw`."""
    (tmp_path / "types").mkdir()
    (tmp_path / "types/mine.py").write_text(TYPES)
    environ = {"JOB_TYPES_FOLDER": str(tmp_path / "types"), "JOB_TYPES": ""}
    with running_service("", tmp_path, **environ) as service:
        yield service


def test_the_form_of_a_function_has_a_field_for_each_parameter(
    service: Service, page: Page
) -> None:
    page.goto("/ui/submit?type=draw")
    page.get_by_label("Day required").fill("2030-01-31")
    page.get_by_label("Size required").select_option("2")
    expect(page.get_by_label("Colour")).to_have_value("red")
    expect(page.get_by_label("Style")).to_have_value("")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".facts")).to_be_visible()
    (job,) = service.call("GET", "/jobs")[1]["items"]
    assert service.job(job["job_id"])["payload"] == {"day": "2030-01-31", "size": 2, **DEFAULTS}


def test_an_object_is_submitted_once_one_of_its_fields_is_filled(
    service: Service, page: Page
) -> None:
    page.goto("/ui/submit?type=draw")
    page.get_by_label("Day required").fill("2030-01-31")
    page.get_by_label("Size required").select_option("1")
    page.get_by_label("Style").select_option("dashed")
    page.get_by_label("Colour").select_option("blue")
    page.get_by_label("X", exact=True).fill("7")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".facts")).to_be_visible()
    (job,) = service.call("GET", "/jobs")[1]["items"]
    assert service.job(job["job_id"])["payload"] == {
        "day": "2030-01-31",
        "size": 1,
        "colour": "blue",
        "style": "dashed",
        "point": {"x": 7, "y": 0},
        "width": 0.5,
    }
