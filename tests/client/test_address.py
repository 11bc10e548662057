"""Which texts are addresses of a service."""

import pytest

from jobservice import Client
from jobservice.address import base_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("localhost:5000", "http://localhost:5000"),
        ("https://example.org/jobs-api/", "https://example.org/jobs-api"),
        ("http://[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_an_address_has_a_scheme_and_no_slash_at_its_end(text: str, url: str) -> None:
    assert base_url(text) == url


@pytest.mark.parametrize("text", ["ftp://x", "http://", "http://x:port", "file:///jobs"])
def test_a_client_refuses_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address such as"):
        Client(text)
