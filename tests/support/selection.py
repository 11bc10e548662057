"""Which tests `pytest` leaves out, unless it is called with --all."""

import os
import zlib
from collections.abc import Set

import pytest

HELP_OF_ALL = (
    "also run what is heavy or needs a browser, and others both ways and with each database"
)
STORE = "tests/storage/"
"""The folder whose tests run with each database: they are about its SQL and its transactions."""
MOST_PROCESSES = 8


def processes(config: pytest.Config) -> int:
    """How many processes run the tests: two for each processor, because half of the time they wait.

    0 for tests that are named: this process finds these once, where each process would do so.
    """
    return 0 if _names_tests(config) else min(2 * (os.cpu_count() or 1), MOST_PROCESSES)


def is_left_out(item: pytest.Item, config: pytest.Config, chosen: Set[str]) -> bool:
    """Whether this test does not run now, because of its marks or as a second run of one.

    A test that measures time runs only if it is named, or with `-m timing`. Without --all, a test
    that is heavy or needs a browser runs only if it is named, by its file or by -k; for a browser,
    its folder is enough. So does a second run that :func:`is_second_pair` or
    :func:`is_second_database` finds. `chosen` are the ids of all tests that could run.
    """
    named = _names_tests(config)
    if item.get_closest_marker("timing") and "timing" not in config.option.markexpr and not named:
        return True
    if config.option.all:
        return False
    if item.get_closest_marker("heavy") and not named:
        return True
    return (
        _is_in_a_browser(item, config.args)
        or is_second_pair(item)
        or is_second_database(item, chosen)
    )


def _names_tests(config: pytest.Config) -> bool:
    """Whether a file or a part of a name chooses tests; -k "not …" leaves out instead."""
    part = config.option.keyword
    return bool(part and not part.startswith("not ")) or any(".py" in each for each in config.args)


def _is_in_a_browser(item: pytest.Item, arguments: list[str]) -> bool:
    return "browser" in getattr(item, "fixturenames", ()) and not any(
        "tests/web" in each for each in arguments
    )


def is_second_pair(item: pytest.Item) -> bool:
    """Whether the pair of path and database that this test uses is left out.

    A test of the API runs once on the fast path and once through Tornado's handlers, and once with
    each database: two runs cover that. Which path goes with which database depends on the test's
    name, so that each path is tested with each database, by half of the tests.
    """
    given = _parameters(item)
    if not {"fast_path", "database_url"} <= given.keys():
        return False
    on_sqlite = given["database_url"] == "sqlite"
    return bool(given["fast_path"] != (on_sqlite == _is_even(item)))


def is_second_database(item: pytest.Item, chosen: Set[str]) -> bool:
    """Whether this test of what lies above the store also runs with the other database.

    The test's name says with which it runs, so that each is used by half of the tests.
    """
    given = _parameters(item)
    database = given.get("database_url")
    if item.nodeid.startswith(STORE) or database is None or "fast_path" in given:
        return False
    first, second = ("sqlite", "postgresql") if _is_even(item) else ("postgresql", "sqlite")
    return bool(database == second and _with(item, second, first) in chosen)


def _with(item: pytest.Item, database: str, other: str) -> str:
    """The id of the same test with another database."""
    name, bracket, parameters = item.nodeid.partition("[")
    return name + bracket + parameters.replace(database, other)


def _parameters(item: pytest.Item) -> dict[str, object]:
    spec = getattr(item, "callspec", None)
    return spec.params if spec else {}


def _is_even(item: pytest.Item) -> bool:
    """By the name of the test: a division in two halves that stays the same."""
    return bool(zlib.crc32(item.nodeid.partition("[")[0].encode()) & 1)
