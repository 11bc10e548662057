"""Declarations of job types: defaults with the bounds of submissions, versions, summaries."""

from typing import Any

import pytest

from runner.job_types.base import Defaults, JobType, Payload
from runner.job_types.registry.broken import DeclarationError
from runner.job_types.registry.declarations import BOUNDS, check
from server.documents.submission import Submission


def declared(**attributes: Any) -> type[JobType[Any]]:
    """A job type with these class attributes."""
    given = {"name": "mine", "Payload": Payload, "upload": "none", "run": lambda *_: None}
    return type("Mine", (JobType,), {**given, **attributes})


def test_defaults_are_options_of_submissions() -> None:
    names = set(vars(Defaults()))
    assert names <= set(Submission.model_fields)
    assert names - set(BOUNDS) == {"backoff", "queue"}


@pytest.mark.parametrize("name", BOUNDS)
def test_the_bounds_of_defaults_are_those_of_submissions(name: str) -> None:
    kind, least, above, most = BOUNDS[name]
    schema = Submission.model_json_schema()["properties"][name]
    number = next(each for each in schema.get("anyOf", [schema]) if "maximum" in each)
    assert (number.get("minimum"), number.get("exclusiveMinimum")) == (least, above)
    assert number["maximum"] == most
    assert number["type"] == ("integer" if kind is int else "number")


@pytest.mark.parametrize(
    "defaults",
    [
        {},
        {"timeout": 0.5, "max_retries": 0, "priority": -100, "keep_for": 0, "queue": "slow"},
        {"timeout": 31622400, "max_retries": 100, "priority": 100, "backoff": [1, 10]},
        {"backoff": {"base": 2, "factor": 3}},
        {"backoff": 0},
        {"memory_bytes": 2**26, "cpu_seconds": 1, "max_output_bytes": 0, "nice": 19},
    ],
)
def test_valid_defaults_are_accepted(defaults: dict[str, Any]) -> None:
    check(declared(defaults=Defaults(**defaults)))


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"defaults": {"timeout": 5}}, "defaults must be Defaults"),
        ({"defaults": Defaults(timeout=0)}, "timeout must be a number of seconds above 0 to"),
        ({"defaults": Defaults(timeout=True)}, "timeout must be a number of seconds"),
        ({"defaults": Defaults(timeout=float("nan"))}, "timeout must be a number of seconds"),
        ({"defaults": Defaults(timeout=float("inf"))}, "timeout must be a number of seconds"),
        ({"defaults": Defaults(max_retries=101)}, "max_retries must be a whole number from 0 to"),
        ({"defaults": Defaults(max_retries=1.5)}, "max_retries must be a whole number"),  # type: ignore[arg-type]
        ({"defaults": Defaults(priority=-101)}, "priority must be a whole number from -100 to 100"),
        ({"defaults": Defaults(keep_for=-1)}, "keep_for must be a number of seconds from 0 to"),
        ({"defaults": Defaults(queue="No Queue")}, "queue: it must be 1 to 64 of"),
        ({"defaults": Defaults(queue=5)}, "queue: "),  # type: ignore[arg-type]
        ({"defaults": Defaults(backoff={"factor": 2})}, "backoff: base is missing"),
        ({"defaults": Defaults(backoff="soon")}, "backoff: it must be a number"),
        ({"upload": "maybe"}, "upload must be 'none', 'required' or 'optional'"),
        ({"version": 2}, "version must be a text of at most 100 characters"),
        ({"version": "2" * 101}, "version must be a text of at most 100 characters"),
        ({"name": " mine"}, "name must be 1 to 100 letters, digits and"),
        ({"name": "mi\nne"}, "name must be 1 to 100 letters, digits and"),
        ({"name": "Bad Name!"}, "name must be 1 to 100 letters, digits and"),
        ({"name": "m" * 101}, "name must be 1 to 100 letters, digits and"),
        ({"name": 5}, "name must be a non-empty string"),
        ({"isolation": "own"}, "isolation must be 'caller', 'shared' or 'fresh'"),
        ({"network": "none"}, "network must be True or False"),
        ({"defaults": Defaults(memory_bytes=1000)}, "memory_bytes must be a whole number from"),
        ({"defaults": Defaults(nice=20)}, "nice must be a whole number from 0 to 19"),
        ({"Payload": dict}, "Payload must be a subclass of base.Payload"),
    ],
    ids=str,
)
def test_a_wrong_declaration_is_refused(attributes: dict[str, Any], reason: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        check(declared(**attributes))
    assert reason in caught.value.reason
    assert caught.value.remedy


def test_the_summary_is_the_first_line_of_the_docstring() -> None:
    assert declared(__doc__="\n    Resizes.\n\n    More.\n    ")().summary == "Resizes."
    assert declared()().summary == ""
