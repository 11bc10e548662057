"""Which tests `pytest` leaves out, unless it is called with --all."""

import zlib
from collections.abc import Set

import pytest

HELP_OF_ALL = (
    "also run tests in a browser or with downloads, and others both ways and with each database"
)
STORE = "tests/storage/"
"""The folder whose tests run with each database: they are about its SQL and its transactions."""


def is_left_out(item: pytest.Item, arguments: list[str], chosen: Set[str]) -> bool:
    """Whether this test runs only with --all: it needs a browser and no argument names its folder,
    it downloads packages,
    or it is a second run that :func:`is_second_pair` or :func:`is_second_database` names.

    `chosen` are the ids of all tests that could run.
    """
    return (
        _is_in_a_browser(item, arguments)
        or item.get_closest_marker("downloads") is not None
        or is_second_pair(item)
        or is_second_database(item, chosen)
    )


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
