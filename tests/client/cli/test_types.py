"""`jobservice types` and its subcommands."""

from collections.abc import Iterator

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.programs import running_service
from tests.support.type_folder import job_type

TEXT = job_type("resize").replace(
    "class Mine(JobType):",
    '''class Input(Payload):
    width: int
    names: list[str] | None = None
    fit: Literal["cover", "contain"] = Field("cover", description="How it fills the frame.")


class Mine(JobType):
    """Makes a picture smaller."""

    version = "1.2"
    defaults = Defaults(timeout=60)''',
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobsCommand]:
    """The command, for a service with a folder of job types. One of them does not work."""
    folder = tmp_path_factory.mktemp("types")
    types = folder / "types_of_the_command"
    types.mkdir()
    text = "from typing import Literal\nfrom pydantic import Field\n" + TEXT
    (types / "resize.py").write_text(text.replace("Payload = Payload", "Payload = Input"))
    (types / "crop.py").write_text("\nimport no_such_package\n")
    with running_service("", folder, JOB_TYPES="", JOB_TYPES_FOLDER=str(types)) as service:
        yield JobsCommand(service.base_url, folder)


def test_job_types_are_listed_with_those_that_do_not_work(own: JobsCommand) -> None:
    done = own.run("types")
    rows = [line.split(maxsplit=3) for line in done.out.splitlines()]
    assert [row[0] for row in rows] == ["TYPE", "analyze", "resize", "sleep"]
    assert rows[2] == ["resize", "folder", "(resize.py)", "1.2      Makes a picture smaller."]
    assert done.err == (
        "jobservice: crop.py:2 does not work: ModuleNotFoundError: No module named"
        " 'no_such_package'; install the package that has no_such_package, as"
        " docs/job-types.md#packages-that-job-types-need describes, or correct the name\n"
    )
    assert own.run("types", "list").out == done.out
    (document,) = own.run("types", "--json").items
    assert [each["name"] for each in document["types"]] == ["analyze", "resize", "sleep"]
    assert document["broken"][0]["file"] == "crop.py"


def test_a_job_type_is_shown_with_the_fields_of_its_payload(own: JobsCommand) -> None:
    done = own.run("types", "show", "resize")
    assert [line.split(maxsplit=1) for line in done.out.splitlines()[:5]] == [
        ["type", "resize"],
        ["summary", "Makes a picture smaller."],
        ["version", "1.2"],
        ["from", "folder (resize.py)"],
        ["file", "none"],
    ]
    assert 'defaults  {"timeout": 60}' in done.out
    table = [line.split() for line in done.out.partition("\n\n")[2].splitlines()]
    assert table == [
        ["FIELD", "KIND", "DEFAULT", "DESCRIPTION"],
        ["width", "integer", "required"],
        ["names", "list", "of", "string", "or", "null", "null"],
        ["fit", "cover", "or", "contain", '"cover"', "How", "it", "fills", "the", "frame."],
    ]
    assert own.run("types", "show", "resize", "--json").items[0]["name"] == "resize"


def test_a_job_type_that_does_not_exist_is_an_error(own: JobsCommand) -> None:
    done = own.run("types", "show", "crop")
    assert done.code == 1
    assert "this job type does not work: crop.py:2: ModuleNotFoundError" in done.err
