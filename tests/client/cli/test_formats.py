"""Numbers, durations and texts as people read them."""

import pytest

from jobservice.cli.output import formats
from jobservice.cli.output.progress import pair


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (49_600, "50 kB"), (1_234_567_890, "1.2 GB")],
)
def test_sizes(count: int, text: str) -> None:
    assert formats.size(count) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (20 * 1024**2, "20 MiB"),
        (1536, "1.5 KiB"),
        (2**60, "1024 PiB"),
    ],
)
def test_sizes_in_powers_of_1024(count: int, text: str) -> None:
    assert formats.binary_size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.005, "5.0 ms"),
        (0.5, "0.50 s"),
        (9.96, "10.0 s"),
        (59.4, "59 s"),
        (60, "1 m"),
        (200, "3 m 20 s"),
        (7500, "2 h 5 m"),
        (349_200, "4 d 1 h"),
        (None, ""),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5", 1.5), (".5s", 0.5), ("5 m", 300), ("2H", 7200)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert formats.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "1w", "m", "1h30m"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        formats.parse_duration(text)


def test_a_share_is_never_an_empty_bar() -> None:
    assert formats.bar(0, 8) == ""
    assert formats.bar(0.0001, 8) == "▏"
    assert formats.bar(0.5, 8) == "████"
    assert formats.bar(1 / 3, 20) == "██████▊", "rounded up, as by the service"
    assert formats.bar(0.3, 20) == "██████"
    assert formats.bar(1, 8) == "████████"
    assert formats.bar(0.0001, 8, ascii_only=True) == "#"


def test_output_keeps_colors_and_no_other_control() -> None:
    text = "\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b[2J\tend\n"
    assert formats.printable_output(text) == "\x1b[31mred\x1b[0m ]0;title[2J\tend\n"
    assert "\x1b" not in formats.printable(text)


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        ({"bytes_done": 10, "bytes_total": 50}, (10, 50)),
        ({"done": 1, "total": 2}, (1, 2)),
        ({"bytes_done": 10, "rows_total": 50}, (None, None)),
        ({"done": True, "total": 2}, (None, None)),
        ({"done": 1, "total": 0}, (None, None)),
        ({"step": 3}, (None, None)),
        (None, (None, None)),
    ],
)
def test_progress_is_a_pair_of_numbers(progress: object, expected: object) -> None:
    assert pair(progress) == expected


def test_a_curve_has_a_character_for_each_count() -> None:
    assert formats.curve([0, 1, 50, 100]) == " ▁▄█"
    assert formats.curve([0, 1, 50, 100], ascii_only=True) == " .=@"
    assert formats.curve([0, 0]) == "  "


def test_one_of_a_noun_is_singular() -> None:
    assert [formats.counted(number, "line") for number in (0, 1, 2000)] == [
        "0 lines",
        "1 line",
        "2,000 lines",
    ]
