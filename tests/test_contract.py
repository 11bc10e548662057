"""Released API, settings, commands and client stay as they are, as docs/stability.md promises."""

import copy
from collections.abc import Callable

import pytest

from storage.records.release import RELEASE
from tests.support.contract import Contract, broken, contract, stored

Change = Callable[[Contract], object]


def test_nothing_that_the_last_release_has_is_gone() -> None:
    assert broken(stored(), contract()) == []


def test_the_contract_is_written_with_each_release() -> None:
    assert stored()["release"] == RELEASE


def job(part: Contract) -> Contract:
    """The schema of a job's document."""
    found: Contract = part["openapi"]["components"]["schemas"]["JobDocument"]
    return found


def queue_body(part: Contract) -> Contract:
    """The schema of what a client sends to change a queue."""
    found: Contract = part["openapi"]["components"]["schemas"]["QueueChanges"]
    return found


def jobs(part: Contract, method: str = "get") -> Contract:
    """An operation of /jobs."""
    found: Contract = part["openapi"]["paths"]["/jobs"][method]
    return found


BREAKS: dict[str, Change] = {
    "settings: port is gone": lambda new: new["settings"].remove("port"),
    "commands: jobservice submit --wait is gone": lambda new: new["commands"].remove(
        "jobservice submit --wait"
    ),
    "client: Client is gone": lambda new: new["client"].remove("Client"),
    "GET /jobs: is gone": lambda new: new["openapi"]["paths"]["/jobs"].pop("get"),
    "GET /jobs: the parameter view is gone": lambda new: jobs(new)["parameters"].pop(0),
    "GET /jobs: needs the parameter view": lambda new: jobs(new)["parameters"][0].update(
        required=True
    ),
    "GET /jobs: parameter view: value full": lambda new: jobs(new)["parameters"][0][
        "schema"
    ].update(enum=["summary"]),
    "GET /jobs: no longer answers 200": lambda new: jobs(new)["responses"].pop("200"),
    "webhook jobEnded: is gone": lambda new: new["openapi"]["webhooks"].clear(),
}


@pytest.mark.parametrize("line", BREAKS)
def test_what_is_taken_away_is_named(line: str) -> None:
    new = copy.deepcopy(stored())
    BREAKS[line](new)
    assert line in broken(stored(), new)


IN_SCHEMAS: dict[str, Change] = {
    ".status: is gone": lambda new: job(new)["properties"].pop("status"),
    ".type: type integer": lambda new: job(new)["properties"]["type"].update(type="integer"),
    ".status: is no longer always there": lambda new: job(new)["required"].remove("status"),
    ".paused: is required": lambda new: queue_body(new).update(required=["paused"]),
}


@pytest.mark.parametrize("line", IN_SCHEMAS)
def test_a_changed_field_is_named(line: str) -> None:
    new = copy.deepcopy(stored())
    IN_SCHEMAS[line](new)
    assert any(each.endswith(line) for each in broken(stored(), new))


HARMLESS: dict[str, Change] = {
    "another path": lambda new: new["openapi"]["paths"].update({"/new": {}}),
    "another field of a response": lambda new: job(new)["properties"].update(new={"type": "null"}),
    "an optional parameter": lambda new: jobs(new)["parameters"].append(
        {"name": "new", "in": "query", "schema": {"type": "string"}}
    ),
    "a field that is always there": lambda new: job(new)["required"].append("expires_at"),
    "another setting": lambda new: new["settings"].append("new"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_added_breaks_nothing(name: str) -> None:
    new = copy.deepcopy(stored())
    HARMLESS[name](new)
    assert broken(stored(), new) == []
