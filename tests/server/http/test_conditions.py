"""If-Match and If-None-Match: which values hold for which resource (RFC 9110, section 13)."""

import pytest

from server.http.conditions import conditions_of
from server.http.problems import Problem


def is_matched(value: str, etag: str | None) -> bool:
    """Whether If-Match with this value holds for a resource with this tag."""
    try:
        conditions_of({"If-Match": value}).require_match(etag)
    except Problem as problem:
        return problem.status != 412
    return True


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ('"a"', True),
        ("*", True),
        (" * ", True),
        ('"b", "a"', True),
        ('"b","a",', True),
        (', ,"b" , "a"', True),
        ('"b"', False),
        ('"A"', False),
        ('W/"a"', False),
        ('"b", W/"a"', False),
        ('""', False),
    ],
)
def test_if_match_compares_strongly(value: str, holds: bool) -> None:
    assert is_matched(value, '"a"') is holds


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ('"a"', False),
        ('W/"a"', False),
        ("*", False),
        ('"b", W/"a"', False),
        ('"b"', True),
        ('W/"b"', True),
        ('"a,b"', True),
    ],
)
def test_if_none_match_compares_weakly(value: str, holds: bool) -> None:
    assert conditions_of({"If-None-Match": value}).is_new('"a"') is holds


def test_a_resource_that_does_not_exist_matches_no_tag() -> None:
    for value in ("*", '"a"'):
        assert not is_matched(value, None)
        assert conditions_of({"If-None-Match": value}).is_new(None)


def test_without_conditions_everything_may_change() -> None:
    conditions_of({}).require('"a"')
    conditions_of({}).require(None)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "",
            "a",
            "nope",
            "'a'",
            '"a',
            'a"',
            '"a" "b"',
            '*, "a"',
            "**",
            'w/"a"',
            'W / "a"',
            '"a b"',
        ),
        *('"' * 9999, '"",' * 3000 + "x"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_malformed_tags_are_refused_except_where_they_do_no_harm(value: str) -> None:
    for name in ("If-Match", "If-None-Match"):
        with pytest.raises(Problem, match=f"{name} must be"):
            conditions_of({name: value})
    assert conditions_of({"If-None-Match": value}, is_read=True).is_new('"a"')
    with pytest.raises(Problem, match="If-Match must be"):
        conditions_of({"If-Match": value}, is_read=True)
