"""Runs the tests of the API both ways: on the fast path, and through Tornado's handlers."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest

from tests.support import api

ONCE = ("fast_path", "events", "openapi", "uploads")
"""Folders whose tests compare both ways themselves, or are about routes that Tornado serves.

Elsewhere, tests of such routes are marked with `tornado`.
"""


@pytest.fixture(autouse=True)
def fast_path(request: pytest.FixtureRequest) -> Iterator[None]:
    """Sets whether the listeners that the test opens have a fast path."""
    with patch.object(api, "FAST_PATH", getattr(request, "param", True)):
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that takes a listener a second time."""
    by_tornado = metafunc.definition.get_closest_marker("tornado")
    runs_once = by_tornado or metafunc.definition.path.parent.name in ONCE
    if "app" in metafunc.fixturenames and not runs_once:
        metafunc.parametrize("fast_path", [True, False], ids=["", "handlers"], indirect=True)
