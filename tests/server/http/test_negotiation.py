"""Which of two media types a client prefers."""

import pytest

from server.http.negotiation import prefers_json


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("", False),
        ("*/*", False),  # curl
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("text/plain", False),
        ("text/*, */*;q=0.1", False),
        ("image/png", False),
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/*", True),
        ("application/json, text/plain, */*", True),  # axios
        ("text/plain, application/json", False),
        ("application/json, */*;q=0.5", True),
        ("application/json;q=0.5, text/plain;q=0.4", True),
        ("application/json;q=0.4, text/plain;q=0.5", False),
        ("application/json;q=0.5, */*", False),
        ("*/*, text/plain;q=0", True),
        ("application/json;q=0", False),
        ("application/json;q=x", False),
        ("application/json;q=0, text/plain;q=0", False),
    ],
)
def test_json_is_sent_to_clients_that_prefer_it_to_text(accept: str, json: bool) -> None:
    assert prefers_json(accept) is json
