"""Which tests `pytest` leaves out, unless it is called with --all."""

import zlib

import pytest

HELP_OF_ALL = "also run tests in a browser, and those of the API both ways with each database"


def is_left_out(item: pytest.Item, chosen: list[str]) -> bool:
    """Whether this test runs only with --all: it needs a browser and is not in a chosen file, or is
    one of the pairs that :func:`is_second_pair` names."""
    return _is_in_a_browser(item, chosen) or is_second_pair(item)


def _is_in_a_browser(item: pytest.Item, chosen: list[str]) -> bool:
    return "browser" in getattr(item, "fixturenames", ()) and not any(
        "tests/web" in each for each in chosen
    )


def is_second_pair(item: pytest.Item) -> bool:
    """Whether the pair of path and database that this test uses is left out.

    A test of the API runs once on the fast path and once through Tornado's handlers, and once with
    each database: two runs cover that. Which path goes with which database depends on the test's
    name, so that each path is tested with each database, by half of the tests.
    """
    spec = getattr(item, "callspec", None)
    if spec is None or not {"fast_path", "database_url"} <= spec.params.keys():
        return False
    name = item.nodeid.partition("[")[0]
    fast_on_sqlite = bool(zlib.crc32(name.encode()) & 1)
    on_sqlite = spec.params["database_url"] == "sqlite"
    return bool(spec.params["fast_path"] != (on_sqlite == fast_on_sqlite))
