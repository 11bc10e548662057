"""The nominal times of schedules: cron expressions, intervals, and changes of a zone's offset."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from storage.records.schedule import Timing
from storage.schedules.timing import Calendar, validate_cron, validate_timezone

BERLIN = "Europe/Berlin"


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def shown(times: list[int]) -> list[str]:
    return [datetime.fromtimestamp(time / 1000, UTC).strftime("%m-%d %H:%M") for time in times]


def times(cron: str, zone: str, start: str, count: int) -> list[str]:
    return shown(Calendar(Timing(cron, None, zone), 0).next(ms(start), count))


def test_five_fields_six_fields_and_names_are_read() -> None:
    assert times("30 2 * * *", "UTC", "2026-11-29", 2) == ["11-29 02:30", "11-30 02:30"]
    assert times("0 9 * * mon-fri", "UTC", "2026-11-28", 2) == ["11-30 09:00", "12-01 09:00"]
    assert times("@Daily", BERLIN, "2026-11-29", 2) == ["11-29 23:00", "11-30 23:00"]
    assert times("0 0 L feb *", "UTC", "2026-01-01", 1) == ["02-28 00:00"]
    calendar = Calendar(Timing("*/20 30 2 * * *", None, "UTC"), 0)
    assert calendar.next(ms("2026-11-29"), 3) == [
        ms("2026-11-29T02:30:00"),
        ms("2026-11-29T02:30:20"),
        ms("2026-11-29T02:30:40"),
    ]


def test_a_time_that_clocks_skip_is_due_once_right_after_the_change() -> None:
    # On 29 March 2026, clocks in Berlin go from 02:00 to 03:00, which is 01:00 UTC.
    found = times("30 2 * * *", BERLIN, "2026-03-28", 3)
    assert found == ["03-28 01:30", "03-29 01:00", "03-30 00:30"]


def test_a_time_that_clocks_repeat_is_due_once() -> None:
    # On 25 October 2026, clocks in Berlin go from 03:00 to 02:00, which is 01:00 UTC.
    found = times("30 2 * * *", BERLIN, "2026-10-24", 3)
    assert found == ["10-24 00:30", "10-25 00:30", "10-26 01:30"]


def test_the_time_after_a_repeated_one_is_never_before_it() -> None:
    calendar = Calendar(Timing("30 2 * * *", None, BERLIN), 0)
    for minute in range(0, 120, 7):
        start = ms("2026-10-25T00:00:00") + minute * 60_000
        found = calendar.after(start)
        assert found is not None
        assert found > start


def test_a_change_of_half_an_hour_and_of_a_day_is_due_once() -> None:
    # Lord Howe Island goes back by half an hour; Samoa left out 30 December 2011.
    found = times("45 1 * * *", "Australia/Lord_Howe", "2026-04-03T12:00", 3)
    assert found == ["04-03 14:45", "04-04 14:45", "04-05 15:15"]
    found = times("0 12 * * *", "Pacific/Apia", "2011-12-28T12:00", 3)
    assert found == ["12-28 22:00", "12-29 22:00", "12-30 10:00"]


def test_frequent_times_follow_the_time_that_really_passes() -> None:
    spring = times("*/30 * * * *", BERLIN, "2026-03-29T00:20", 3)
    assert spring == ["03-29 00:30", "03-29 01:00", "03-29 01:30"]
    autumn = times("*/30 * * * *", BERLIN, "2026-10-25T00:20", 3)
    assert autumn == ["10-25 00:30", "10-25 01:00", "10-25 01:30"]


@pytest.mark.parametrize("start", ["2026-04-04T12:00", "2026-10-03T12:00"])
@pytest.mark.parametrize("cron", ["0 * * * *", "45 * * * *", "20 */2 * * *", "*/30 1 * * *"])
def test_times_are_due_whenever_a_clock_that_changes_by_half_an_hour_shows_them(
    start: str, cron: str
) -> None:
    name, began_at = "Australia/Lord_Howe", ms(start)
    fields = CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC))
    clock = [began_at + 60_000 * each for each in range(1, 600)]
    due = [
        at
        for at in clock
        if (local := datetime.fromtimestamp(at / 1000, ZoneInfo(name))).minute in fields.minutes
        and local.hour in fields.hours
    ]
    assert Calendar(Timing(cron, None, name), 0).next(began_at, len(due)) == due


def test_an_interval_counts_from_its_anchor_and_begins_one_interval_later() -> None:
    anchor = ms("2026-11-29T10:00")
    calendar = Calendar(Timing(None, 90, "UTC"), anchor)
    assert calendar.next(anchor, 2) == [anchor + 90_000, anchor + 180_000]
    assert calendar.after(anchor + 90_000) == anchor + 180_000
    assert calendar.after(anchor + 89_999) == anchor + 90_000
    assert calendar.after(anchor - 10_000_000) == anchor + 90_000


def test_no_time_is_after_the_end() -> None:
    start = ms("2026-11-29")
    calendar = Calendar(Timing("0 * * * *", None, "UTC"), 0, until=ms("2026-11-29T02:00"))
    assert shown(calendar.next(start, 9)) == ["11-29 01:00", "11-29 02:00"]


@pytest.mark.parametrize("timing", [Timing("* * * * * *", None, BERLIN), Timing(None, 1, "UTC")])
def test_the_newest_of_very_many_times_are_found(timing: Timing) -> None:
    calendar = Calendar(timing, 0)
    last = ms("2026-11-29")
    newest, older = calendar.latest(last - 10**9, last, 3)
    assert (newest, older) == ([last - 2000, last - 1000, last], None)
    newest, older = calendar.latest(last - 4000, last, 3)
    assert (newest, older) == ([last - 2000, last - 1000, last], 2)
    newest, older = calendar.latest(last - 1000, last, 3)
    assert (newest, older) == ([last - 1000, last], 0)


@pytest.mark.parametrize(
    ("cron", "reason"),
    [
        ("30 2 * *", "cron has 4 fields, expected 5, for example 30 2 * * *"),
        ("* * * * * * *", "cron has 7 fields, expected 5, or 6 with seconds first, for example"),
        ("", "cron has 0 fields, expected 5"),
        ("61 * * * *", "cron has the minute 61, expected 0 to 59, *, or several as 1,15"),
        ("0 0 * * 8", "cron has the day-of-week 8, expected 0 to 7 (0 and 7 are Sunday)"),
        ("99 0 0 * * *", "cron has the second 99, expected 0 to 59"),
        ("0 0 30 2 *", "cron is never due: none of its months has the day 30"),
        ("* * */20 * 1L", "cron is never due: no day fits"),
        ("@dayly", "cron must be one of @yearly"),
        ("0 0 * * 5L/2", "cron has the day-of-week 5L/2"),
        ("* " * 200, "cron has 400 characters, at most 200 are allowed"),
    ],
)
def test_what_is_wrong_with_an_expression_is_said(cron: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^cron ") as caught:
        validate_cron(cron)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "zone", ["", "Europe/Nowhere", "Europe", "../UTC", "/etc/passwd", "zone.tab", "x" * 200, "\0"]
)
def test_only_names_of_zones_are_accepted(zone: str) -> None:
    with pytest.raises(ValueError, match="IANA name"):
        validate_timezone(zone)
    assert validate_timezone(BERLIN) == BERLIN
