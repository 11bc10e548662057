"""Range and If-Range: which part of a file is sent."""

import pytest

from server.api.files.headers import wanted_range
from server.http.problems import Problem

ETAG = '"abc"'


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-9", (0, 10)),
        ("bytes=2-5", (2, 6)),
        ("bytes=9-", (9, 10)),
        ("bytes=5-99999999999999999999", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("Bytes= 2-5 ", (2, 6)),
    ],
)
def test_one_range_is_a_part_of_the_file(given: str, expected: tuple[int, int]) -> None:
    assert wanted_range({"Range": given}, ETAG, 10) == expected


@pytest.mark.parametrize(
    "given",
    [
        *("", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "bytes=1-2,4-5", "lines=1-2"),
        *("bytes=-1-2", "bytes=1-2x", "bytes=+1-2", "bytes=\u0661-\u0662", f"bytes={'1' * 5000}-"),
    ],
)
def test_other_ranges_get_the_whole_file(given: str) -> None:
    assert wanted_range({"Range": given}, ETAG, 10) is None


@pytest.mark.parametrize("given", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999-"])
def test_a_range_behind_the_end_is_refused_with_the_size(given: str) -> None:
    with pytest.raises(Problem) as caught:
        wanted_range({"Range": given}, ETAG, 10)
    assert caught.value.status == 416
    assert caught.value.headers == {"Content-Range": "bytes */10"}


def test_an_empty_file_has_an_end_but_no_first_byte() -> None:
    assert wanted_range({"Range": "bytes=-5"}, ETAG, 0) is None
    with pytest.raises(Problem):
        wanted_range({"Range": "bytes=0-"}, ETAG, 0)


@pytest.mark.parametrize(
    ("condition", "is_part"),
    [
        ('"abc"', True),
        ('"abd"', False),
        ('W/"abc"', False),
        ("Sun, 29 Nov 2026 08:00:00 GMT", False),
        ("", False),
    ],
)
def test_a_part_of_another_version_is_never_continued(condition: str, is_part: bool) -> None:
    headers = {"Range": "bytes=2-", "If-Range": condition}
    assert (wanted_range(headers, ETAG, 10) is not None) == is_part
