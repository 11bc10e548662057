"""The checker of chaos runs finds jobs that run or hold a key although others do."""

import pytest

from tests.system.chaos.history import Change, History, Keys
from tests.system.chaos.keys import check_keys

Entry = tuple[str, str, int]


def promises(entries: list[Entry], keys: Keys) -> list[str]:
    """The broken promises of the jobs a, b and c, which all have these keys."""
    history = History()
    for version, (job_id, status, attempt) in enumerate(entries):
        new = Change("update", job_id, status, attempt, None, 0, 1, False, version)
        history.entries.append(new)
    history.keys = dict.fromkeys("abc", keys)
    return [each.promise for each in check_keys(history)]


@pytest.mark.parametrize(
    ("entries", "most", "found"),
    [
        ([("a", "running", 1), ("b", "queued", 0), ("a", "failed", 1), ("b", "running", 1)], 1, 0),
        ([("a", "running", 1), ("b", "running", 1)], 1, 1),
        ([("a", "running", 1), ("a", "queued", 1), ("b", "running", 1)], 1, 0),
        ([("a", "running", 1), ("b", "running", 1)], 2, 0),
        ([("a", "running", 1), ("b", "running", 1), ("c", "running", 1)], 2, 1),
    ],
)
def test_too_many_running_jobs_of_a_key_are_found(
    entries: list[Entry], most: int, found: int
) -> None:
    assert promises(entries, Keys(concurrency_key="k", max_per_key=most)) == ["P17"] * found


@pytest.mark.parametrize(
    ("entries", "scope", "found"),
    [
        ([("a", "queued", 0), ("b", "queued", 0)], "running", 1),
        ([("a", "running", 1), ("b", "queued", 0)], "running", 1),
        ([("a", "canceled", 0), ("b", "queued", 0)], "running", 0),
        ([("a", "running", 1), ("b", "queued", 0), ("a", "queued", 1)], "queued", 0),
        ([("a", "queued", 0), ("b", "queued", 0)], "queued", 1),
        ([("a", "succeeded", 1), ("b", "queued", 0)], "final", 1),
    ],
)
def test_two_jobs_with_one_unique_key_are_found(
    entries: list[Entry], scope: str, found: int
) -> None:
    assert promises(entries, Keys(unique_key="k", scope=scope)) == ["P18"] * found
