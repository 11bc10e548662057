"""Jobs are found by the beginning or the end of their ids, if only one job matches."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jobservice import Client
from jobservice.cli import ids
from jobservice.cli.exits import CommandError
from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service

FIRST = "01a2107d-08cc-73f5-a3eb-bdc8e70382e5"
SECOND = "01a2107d-08cc-73f5-a3eb-bdc8e7038fff"
PAYLOAD = "01a2107d-0000-73f5-a3eb-0000000000aa"


@dataclass
class Listed:
    """A client whose list contains all jobs that a text search might find."""

    searched: str = ""

    def list(self, text: str) -> Iterator[Any]:
        self.searched = text
        data = SimpleNamespace(type="sleep", created_at=None)
        for job_id in (FIRST, SECOND, PAYLOAD):
            yield SimpleNamespace(id=job_id, status="queued", data=data)


def resolve(text: str) -> str:
    """The id for a text, among the three jobs."""
    return ids.resolve(cast("Client", Listed()), text)


@pytest.mark.parametrize("text", ["82e5", "bdc8e70382e5", "A3EB-BDC8E70382E5", "eb-bdc8e70382e5"])
def test_an_end_of_an_id_is_enough(text: str) -> None:
    assert resolve(text) == FIRST


@pytest.mark.parametrize("text", ["01a2107d0000", "01A2107D-0000", "01a2107d-0000-7"])
def test_a_beginning_of_an_id_is_enough(text: str) -> None:
    assert resolve(text) == PAYLOAD


def test_a_whole_id_is_not_searched() -> None:
    client = Listed()
    assert ids.resolve(cast("Client", client), FIRST.upper().replace("-", "")) == FIRST
    assert client.searched == ""


def test_several_matches_are_named_and_refused() -> None:
    with pytest.raises(CommandError) as caught:
        resolve("01a2107d-08cc")
    assert caught.value.exit_code == 2
    assert FIRST in caught.value.message
    assert SECOND in caught.value.message
    assert PAYLOAD not in caught.value.message


def test_a_middle_part_matches_nothing() -> None:
    with pytest.raises(CommandError, match="no job has an id that begins or ends with 73f5"):
        resolve("73f5")


@pytest.mark.parametrize("text", ["abc", "", "-", "last", "a" * 33, "82e5 "[:3]])
def test_what_is_no_part_of_an_id_is_a_usage_error(text: str) -> None:
    with pytest.raises(CommandError) as caught:
        resolve(text)
    assert caught.value.exit_code == 2


def test_a_real_job_is_found_by_both_ends(jobs: JobsCommand, service: Service) -> None:
    job_id = service.submit("sleep", {"seconds": 0})
    for part in (job_id[-8:], job_id[:-2]):
        assert jobs.run("show", part, "--json").document["job_id"] == job_id


def test_a_text_in_a_payload_is_no_id(jobs: JobsCommand, service: Service) -> None:
    service.submit("talk", {"lines": 1, "then": "deadbeefdeadbeef"})
    done = jobs.run("show", "deadbeefdeadbeef")
    assert (done.code, done.out) == (1, "")
    assert "no job has an id that begins or ends with deadbeefdeadbeef" in done.err
