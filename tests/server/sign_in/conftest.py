"""A provider for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.support.servers.openid_provider import OpenIdProvider, running_provider


@pytest.fixture(scope="session")
def provider() -> Iterator[OpenIdProvider]:
    """A provider that puts claims into UserInfo only."""
    with running_provider() as running:
        yield running
