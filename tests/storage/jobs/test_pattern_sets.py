"""Saved pattern sets, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pytest

from storage.jobs import pattern_sets
from storage.jobs.pattern_sets import PatternSet, PatternSets, TooManyPatternSets
from tests.support.stores import Bench

PATTERNS = ["ERROR", {"name": "ä \U0001f600", "pattern": "a+", "regex": True}, {"all": ["x", "y"]}]


@pytest.fixture
def sets(bench: Bench) -> PatternSets:
    return PatternSets(bench.store.database, bench.clock)


def anything(saved: PatternSet | None) -> None:
    """Let every caller make every change."""


def test_a_set_is_read_as_it_was_saved(bench: Bench, sets: PatternSets) -> None:
    made, is_new = sets.put("mine", PATTERNS, "my own", "ann", anything)
    assert is_new
    now = bench.clock.now
    assert made == PatternSet("mine", 3, "my own", "ann", "ann", now, now, 1, PATTERNS)
    assert sets.get("mine") == made
    assert sets.get("others") is None
    assert sets.some(["mine", "others"]) == {"mine": made}
    assert sets.some([]) == {}
    (head,) = sets.all()
    assert vars(head) == {name: value for name, value in vars(made).items() if name != "patterns"}


def test_a_replaced_set_keeps_who_created_it(bench: Bench, sets: PatternSets) -> None:
    first, _ = sets.put("mine", PATTERNS, "my own", "ann", anything)
    bench.clock.forward(5)
    second, is_new = sets.put("mine", ["WARN"], "", None, anything)
    assert not is_new
    assert (second.created_by, second.changed_by, second.version) == ("ann", None, 2)
    assert (second.created_at, second.changed_at) == (first.created_at, bench.clock.now)
    assert sets.get("mine") == second


def test_sets_are_listed_by_name_and_deleted(sets: PatternSets) -> None:
    for name in ("b", "a-b", "ab", "a.b"):
        sets.put(name, ["x"], "", None, anything)
    assert [head.name for head in sets.all()] == ["a-b", "a.b", "ab", "b"]
    assert sets.delete("ab", anything)
    assert not sets.delete("ab", anything)
    assert [head.name for head in sets.all()] == ["a-b", "a.b", "b"]
    made, _ = sets.put("ab", ["x"], "", None, anything)
    assert made.version == 1


def test_a_check_sees_the_present_set_and_can_refuse_a_change(sets: PatternSets) -> None:
    seen = []

    def refuse(saved: PatternSet | None) -> None:
        seen.append(saved)
        raise PermissionError

    with pytest.raises(PermissionError):
        sets.put("mine", ["x"], "", None, refuse)
    made, _ = sets.put("mine", ["x"], "", None, anything)
    for change in (
        lambda: sets.put("mine", ["y"], "", None, refuse),
        lambda: sets.delete("mine", refuse),
    ):
        with pytest.raises(PermissionError):
            change()
    assert seen == [None, made, made]
    assert sets.get("mine") == made


def test_there_is_a_limit_that_replacing_a_set_does_not_meet(sets: PatternSets) -> None:
    with patch.object(pattern_sets, "MAX_PATTERN_SETS", 2):
        for name in ("a", "b"):
            sets.put(name, ["x"], "", None, anything)
        with pytest.raises(TooManyPatternSets):
            sets.put("c", ["x"], "", None, anything)
        assert not sets.put("a", ["y"], "", None, anything)[1]
        sets.delete("b", anything)
        assert sets.put("c", ["x"], "", None, anything)[1]


def test_a_caller_has_a_share_of_the_limit(sets: PatternSets) -> None:
    def put(name: str, caller: str, sharer: str | None) -> None:
        sets.put(name, ["x"], "", caller, anything, None, sharer)

    with patch.object(pattern_sets, "MAX_PATTERN_SETS", 4):
        for name in ("a", "b"):
            put(name, "ann", "ann")
        with pytest.raises(TooManyPatternSets) as error:
            put("c", "ann", "ann")
        assert "you have 2 of the 4 pattern sets" in error.value.text(4, "pattern sets")
        put("a", "ann", "ann")
        put("c", "bob", "bob")
        with pytest.raises(TooManyPatternSets):
            put("d", "bob", "bob")
        put("d", "ada", None)


def test_of_many_changes_at_once_none_overwrites_what_it_has_not_seen(
    bench: Bench, sets: PatternSets
) -> None:
    """Each writer repeats a compare-and-swap until it wins, as a client with If-Match does."""
    sets.put("mine", ["0"], "", None, anything)

    class Changed(Exception):
        pass

    def add_one(_: int) -> None:
        while True:
            seen = sets.get("mine")
            assert seen

            def check(saved: PatternSet | None, seen: PatternSet = seen) -> None:
                if saved != seen:
                    raise Changed

            try:
                sets.put("mine", [*seen.patterns, str(len(seen.patterns))], "", None, check)
            except Changed:
                continue
            return

    def work(numbers: range) -> None:
        try:
            for number in numbers:
                add_one(number)
        finally:
            bench.store.database.engine.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, [range(5)] * 4))
    found = sets.get("mine")
    assert found
    assert found.patterns == [str(number) for number in range(21)]
    assert found.version == 21
