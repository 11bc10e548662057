"""Patterns of sets in the payload of `analyze`."""

from typing import Any

import pytest
from pydantic import ValidationError

from loganalysis import SetConflict
from loganalysis.request.sets import MAX_SETS, named_sets, with_sets
from runner.job_types.analyze import Analyze
from runner.job_types.analyze_payload import AnalyzePayload

TOOK = {"name": "slow", "pattern": "took"}
SETS: dict[str, list[Any]] = {
    "a": ["x", TOOK],
    "b": ["y", {"pattern": "x"}],
    "c": [{"name": "slow", "pattern": "took", "word": True}],
}


def merged(names: list[str], **more: Any) -> Any:
    """The patterns of a payload with these sets."""
    return with_sets({"pattern_sets": names, **more}, SETS).get("patterns")


@pytest.mark.parametrize(
    ("names", "own", "patterns"),
    [
        (["a"], ["z"], ["z", "x", TOOK]),
        (["a"], None, ["x", TOOK]),
        (["a", "a"], [], ["x", TOOK]),
        (["a", "b"], [], ["x", TOOK, "y"]),  # x counts once, however it is written
        (["b", "a"], [], ["y", {"pattern": "x"}, TOOK]),
        (["a"], [{"name": "slow", "pattern": "."}], [{"name": "slow", "pattern": "."}, "x"]),
        (["a"], ["x"], ["x", TOOK]),
        (["a"], [5, "x"], [5, "x", TOOK]),  # the check says what is wrong with 5
        (["a"], 5, 5),
    ],
)
def test_patterns_of_sets_follow_those_of_the_payload(
    names: list[str], own: Any, patterns: Any
) -> None:
    assert merged(names, patterns=own) == patterns


def test_two_sets_may_not_define_one_name_differently_unless_the_payload_decides() -> None:
    with pytest.raises(SetConflict) as error:
        merged(["b", "a", "c"])
    assert error.value.index == 2
    assert '"slow" is another one than that of the set a' in error.value.message
    assert merged(["a", "c"], patterns=[TOOK]) == [TOOK, "x"]


def test_a_pattern_that_is_not_valid_is_left_for_the_check() -> None:
    found = with_sets({"pattern_sets": ["old"]}, {"old": [{"future": 1}, "x"]})
    assert found["patterns"] == [{"future": 1}, "x"]


@pytest.mark.parametrize("overview", [None, True, False])
def test_auto_asks_for_an_overview_beside_the_patterns(overview: bool | None) -> None:
    given = {} if overview is None else {"overview": overview}
    payload = with_sets({"pattern_sets": ["a"], "patterns": "auto", **given}, SETS)
    assert payload["patterns"] == ["x", TOOK]
    assert payload["overview"] is (overview is not False)
    options = AnalyzePayload.model_validate(payload).options()
    assert options.overview is (overview is not False)
    alone = AnalyzePayload.model_validate(with_sets({"pattern_sets": ["a"]}, SETS))
    assert not alone.options().overview


def test_only_names_are_named() -> None:
    assert named_sets({}) == named_sets({"pattern_sets": "a"}) == []
    assert named_sets({"pattern_sets": ["a", 5, None, "b", "a"]}) == ["a", "b"]
    many = [f"s{number}" for number in range(MAX_SETS + 5)]
    assert named_sets({"pattern_sets": many}) == many[:MAX_SETS]


def test_a_job_whose_sets_nobody_has_read_fails_instead_of_counting_nothing() -> None:
    with pytest.raises(ValidationError, match="add them before"):
        AnalyzePayload.model_validate({"pattern_sets": ["nginx"]})
    payload = {"pattern_sets": ["nginx"], "patterns": ["x"]}
    assert AnalyzePayload.model_validate(payload).pattern_sets == ["nginx"]


def test_the_question_is_about_patterns_and_not_about_names() -> None:
    job_type = Analyze()
    listed = AnalyzePayload.model_validate({"patterns": ["x"]})
    named = AnalyzePayload.model_validate({"patterns": ["x"], "pattern_sets": ["a"]})
    other = AnalyzePayload.model_validate({"patterns": ["y"], "pattern_sets": ["a"]})
    assert job_type.question(listed) == job_type.question(named) != job_type.question(other)
