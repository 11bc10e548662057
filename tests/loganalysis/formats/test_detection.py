"""Which format is found in noise and in mixed files, and the headers of formats that are not
listed."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loganalysis.formats import LogFormat, detect

MODIFIED = 1_796_000_000.0
ACCESS = (
    b'10.0.0.%d - - [25/Nov/2026:13:12:%02d +0000] "GET /page/%d HTTP/1.1" 200 123 "-" "curl/8.5"'
)
JAVA = b"2026-11-25 13:12:%02d,123 ERROR [main] org.example.App - Cannot reach host %d"
TRACE = b"\tat org.example.App.main(App.java:%d)"

quick = settings(database=None, deadline=None, max_examples=100)


def access_lines(count: int) -> list[bytes]:
    return [ACCESS % (number % 250, number % 60, number) for number in range(count)]


def shuffled(*groups: list[bytes]) -> list[bytes]:
    lines = [line for group in groups for line in group]
    random.Random(5).shuffle(lines)
    return lines


def test_noise_does_not_hide_a_format() -> None:
    noise = [random.Random(n).randbytes(40).replace(b"\n", b"") for n in range(60)]
    form = detect(shuffled(access_lines(40), noise), MODIFIED)
    assert form.name == "access_combined"
    assert 0.39 < form.share < 0.41


def test_lines_of_tracebacks_do_not_hide_a_format() -> None:
    lines = [JAVA % (n % 60, n) for n in range(5)] + [TRACE % n for n in range(95)]
    form = detect(lines, MODIFIED)
    assert form.name == "log4j"
    assert form.split(lines[50]) is None


def test_a_mixed_file_has_the_format_of_most_lines_and_reads_the_others_too() -> None:
    json_lines = [b'{"level":"warn","msg":"slow","n":%d}' % n for n in range(30)]
    form = detect(shuffled(access_lines(70), json_lines), MODIFIED)
    assert form.name == "access_combined"
    assert form.share == 0.7
    parts = form.split(json_lines[0])
    assert parts is not None
    assert (parts.level, parts.message) == ("WARN", b"slow")


def test_blank_lines_do_not_count() -> None:
    form = detect([b"", b"\r\n", *access_lines(3), b"  "], MODIFIED)
    assert (form.name, form.share) == ("access_combined", 1.0)


def test_nothing_at_all_has_no_format() -> None:
    form = detect([], MODIFIED)
    assert (form.name, form.share) == ("unknown", 0.0)


def test_a_carriage_return_belongs_to_no_field() -> None:
    form = detect([line + b"\r\n" for line in access_lines(3)], MODIFIED)
    parts = form.split(access_lines(1)[0] + b"\r")
    assert parts is not None
    assert parts.fields["agent"] == b"curl/8.5"
    java = detect([JAVA % (1, 2)], MODIFIED).split(JAVA % (1, 2) + b"\r")
    assert java is not None
    assert java.message == b"Cannot reach host 2"


def test_a_byte_order_mark_belongs_to_no_field() -> None:
    lines = access_lines(3)
    form = detect(lines, MODIFIED)
    parts = form.split(b"\xef\xbb\xbf" + lines[0])
    assert parts is not None
    assert parts.fields["client"] == b"10.0.0.0"


def test_without_the_time_of_the_file_a_year_stays_unknown() -> None:
    lines = [b"Nov 25 13:12:02 web1 sshd[1]: Accepted", b"Jan  1 00:00:01 web1 cron[2]: Started"]
    form = detect(lines)
    assert form.name == "syslog_rfc3164"
    assert [parts.time for line in lines if (parts := form.split(line))] == [None, None]


HEADERS: dict[str, tuple[bytes, Callable[[int], tuple[int | bytes, ...]], bytes]] = {
    "time, process, thread, letter, tag": (
        b"11-25 13:12:%02d.811  1702  2395 %c Window%d: shown %d of 3",
        lambda n: (n % 60, b"DIWE"[n % 4], n % 7, n),
        b"shown",
    ),
    "bars": (
        b"20261125-13:12:%02d:606|Step_LSC|30002312|on%s %d",
        lambda n: (n % 60, [b"Step", b"Stand", b"Walk"][n % 3], n),
        b"on",
    ),
    "brackets without spaces": (
        b"[2026-11-25 13:12:%02d.123][%d][info][main] [source/a%d.cc:12] started all",
        lambda n: (n % 60, n % 9, n % 5),
        b"started",
    ),
    "several times and hosts": (
        b"- 1795612322 2026.11.25 node%d Nov 25 13:12:%02d node%d/node1 cron[%d]: session closed",
        lambda n: (n % 30, n % 60, n % 30, n),
        b"session",
    ),
    "epoch between names": (
        b"%d node-%d unix.hw state_change.bad 179561%04d 1 Component is %d",
        lambda n: (n + 1000, n % 40, n, n % 7),
        b"Component",
    ),
    "level first": (
        b"%s\t2026-11-25T13:12:%02d.123Z\tcmd/main.go:%d\tListening on port %d",
        lambda n: ([b"INFO", b"WARN"][n % 2], n % 60, n % 30, n),
        b"",
    ),
}


@pytest.mark.parametrize("name", HEADERS)
def test_the_header_of_a_format_that_is_not_listed_is_told_from_the_message(name: str) -> None:
    text, values, message = HEADERS[name]
    lines = [text % values(number) for number in range(200)]
    form = detect(lines, MODIFIED)
    assert (form.name, form.share) == ("header", 1.0)
    for line in lines[:20]:
        parts = form.split(line)
        assert parts is not None
        assert parts.message.startswith(message)
        assert parts.time is not None


def test_prose_after_the_time_is_no_header() -> None:
    lines = [b"2026/11/25 13:12:%02d user %d has left the room" % (n % 60, n) for n in range(99)]
    parts = detect(lines, MODIFIED).split(lines[0])
    assert parts is not None
    assert parts.message == b"user 0 has left the room"


@quick
@given(st.lists(st.binary(max_size=80), max_size=6), st.binary(max_size=120))
def test_no_bytes_make_detection_or_a_split_fail(lines: list[bytes], line: bytes) -> None:
    form = detect([*lines, line], MODIFIED)
    assert isinstance(form, LogFormat)
    assert 0 <= form.share <= 1
    form.split(line)


@quick
@given(st.data())
def test_lines_that_are_cut_or_changed_make_no_split_fail(data: st.DataObject) -> None:
    lines = [*access_lines(2), JAVA % (1, 2), b'{"a":"\\ud800","b":[1,{"c":2}],"t":1e5}']
    line = bytearray(data.draw(st.sampled_from(lines)))
    at = data.draw(st.integers(0, len(line) - 1))
    line[at : at + 1] = data.draw(st.binary(max_size=2))
    form = detect(lines, MODIFIED)
    form.split(bytes(line))
    form.split(bytes(line[:at]))
