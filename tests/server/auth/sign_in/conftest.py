"""Providers for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.support.servers.openid_provider import OpenIdProvider, running_provider
from tests.support.servers.rogue_provider import RogueProvider, running_rogue_provider


@pytest.fixture(scope="session")
def provider() -> Iterator[OpenIdProvider]:
    """A provider that puts claims into UserInfo only."""
    with running_provider() as running:
        yield running


@pytest.fixture
def rogue() -> Iterator[RogueProvider]:
    """A provider that a test can make forge and fail."""
    with running_rogue_provider() as running:
        yield running
