"""`Prefer: wait=30` (RFC 7240): honoured if it can be, ignored otherwise."""

import pytest

from server.documents.filters import preferred_wait


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=30", 30),
        ("wait=0", 0),
        ("WAIT=5", 5),
        ('wait="5"', 5),
        ("wait = 5", 5),
        ("wait=5; strict", 5),
        ("respond-async, wait=5", 5),
        ("respond-async;wait=9, wait=5", 5),
        ("wait=5, wait=7", 5),
        ("wait=9999999999999", 60),
        ('x="a, wait=7", wait=5', 5),
        ('x="a\\", wait=7", wait=5', 5),
    ],
)
def test_a_preferred_wait_is_honoured_up_to_the_maximum(header: str, seconds: int) -> None:
    assert preferred_wait(header) == seconds


@pytest.mark.parametrize(
    "header",
    [
        "",
        "wait",
        "wait=",
        "wait=soon",
        "wait=-1",
        "wait=1.5",
        "wait=1e1",
        "wait=nan",
        "wait=٣",
        "wait=x, wait=5",
        "waiting=5",
        "respond-async",
        "return=minimal",
        'x="wait=5',
        "=;,=,;",
        '"\\' * 5000,
    ],
)
def test_an_unsupported_preference_is_ignored(header: str) -> None:
    assert preferred_wait(header) is None
