"""The guide in docs/cli.md: its examples run as written, and it leaves out no command."""

import re

import pytest

from jobservice.cli.main import ABOUT
from tests.support.jobs_command import JobsCommand
from tests.support.paths import ROOT
from tests.test_docs import blocks

GUIDE = "docs/cli.md"
SH = "```sh\n"
LOG = """\
2030-01-31T12:00:01Z ERROR disk full
2030-01-31T12:00:02Z WARN disk slow
2030-01-31T12:01:03Z ERROR ERROR twice
"""


SECTIONS = [
    text for text in re.split(r"^## ", (ROOT / GUIDE).read_text(), flags=re.MULTILINE) if SH in text
]


@pytest.mark.heavy
@pytest.mark.parametrize("section", SECTIONS, ids=lambda text: text.splitlines()[0])
def test_the_examples_of_a_section_run_as_written(jobs: JobsCommand, section: str) -> None:
    (jobs.folder / "app.log").write_text(LOG)
    script = "\n".join(re.findall(rf"^{SH}(.*?)^```$", section, re.MULTILINE | re.DOTALL))
    done = jobs.shell(f"set -u -o pipefail\n{script}", BROWSER="true %s")
    assert (done.code, done.err) == (0, "")
    seconds = re.compile(r"in [\d.]+ m?s")
    for shown in re.findall(r"^```\n(PATTERN.*?)^```$", section, re.MULTILINE | re.DOTALL):
        assert seconds.sub("", shown) in seconds.sub("", done.out)


@pytest.mark.parametrize("command", [*ABOUT])
def test_each_command_has_an_example(command: str) -> None:
    examples = "\n".join(blocks(GUIDE, "sh"))
    assert re.search(rf"\bjobservice {command}\b", examples)


def test_the_exit_codes_are_those_of_the_guide() -> None:
    from jobservice.cli import exits

    table = re.findall(r"^\| (\d+) \|", (ROOT / GUIDE).read_text(), re.MULTILINE)
    codes = [value for name, value in vars(exits).items() if name.isupper() and type(value) is int]
    assert sorted(map(int, table)) == sorted(codes)
