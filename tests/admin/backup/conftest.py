"""Fixtures of the tests of backups."""

from collections.abc import Iterator

import pytest


@pytest.fixture
def target_url(request: pytest.FixtureRequest, database_url: str) -> Iterator[str]:
    """The URL of an empty database of the same kind as the one of `bench`; empty for SQLite, which
    makes a file."""
    if database_url.startswith("sqlite"):
        yield ""
    else:
        with request.getfixturevalue("postgres_server").new_database() as url:
            yield url
