"""The pool receives log and output of a job, with its streams, levels and fields."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from server.events.log_entries import entries, entry_document, merged
from tests.runner.pool.test_output import Printer, open_printer

Entry = dict[str, Any]


@pytest.fixture(scope="module")
def printer() -> Iterator[Printer]:
    with open_printer() as printer:
        yield printer


def logged(printer: Printer, *steps: list[Any]) -> list[Entry]:
    """Let a call do these steps; returns its log entries."""
    _, pieces = printer.run("steps", steps=steps)
    return [dict(entry_document(entry)) for entry in entries(merged(pieces))]


def said(found: list[Entry]) -> list[tuple[str | None, str]]:
    """Return the stream and the text of each entry."""
    return [(entry["stream"], entry["message"]) for entry in found]


def test_what_python_code_prints_and_logs_stays_in_order_and_has_its_stream(
    printer: Printer,
) -> None:
    steps: list[list[Any]] = [
        ["out", "one\n"],
        ["err", "two\n"],
        ["log", 20, "three"],
        ["out", "four\nfive\n"],
    ]
    assert (
        said(logged(printer, *steps * 20))
        == [
            ("stdout", "one"),
            ("stderr", "two"),
            ("log", "three"),
            ("stdout", "four"),
            ("stdout", "five"),
        ]
        * 20
    )


def test_child_processes_print_to_two_streams(printer: Printer) -> None:
    found = logged(printer, ["shell", "echo one; echo two > /dev/stderr; echo three > /dev/stdout"])
    assert sorted(said(found)) == [("stderr", "two"), ("stdout", "one"), ("stdout", "three")]


def test_a_log_entry_has_its_level_logger_fields_and_time(printer: Printer) -> None:
    before, entry, after = logged(
        printer, ["out", "x\n"], ["log", 30, "zwei €", {"rows": 5, "names": ["a"]}], ["out", "x\n"]
    )
    assert before["time"] <= after["time"]
    time = entry.pop("time")
    assert before["time"][:14] <= time[:14]
    assert entry == {
        "stream": "log",
        "level": "warning",
        "logger": "a job",
        "message": "zwei €",
        "fields": {"rows": 5, "names": ["a"]},
        "traceback": None,
        "position": 2,
    }


def test_the_text_of_a_log_entry_can_be_read_without_its_mark(printer: Printer) -> None:
    call_id = printer.submit("steps", steps=[["log", 40, "no date", {"row": 17}]])
    while not printer.collect():
        pass
    (piece,) = printer.printed[call_id]
    time, rest = piece.text.decode().split(" ", 1)
    assert len(time) == len("2026-11-25T13:12:01.250Z")
    assert rest == 'ERROR a job: no date {"row":17}\n'


def test_a_message_of_several_lines_and_a_traceback_are_one_entry(printer: Printer) -> None:
    _, entry, _ = logged(printer, ["out", "x\n"], ["raise", "one\ntwo"], ["out", "x\n"])
    assert (entry["level"], entry["message"]) == ("error", "one\ntwo")
    assert entry["traceback"].startswith("Traceback (most recent call last):\n")
    assert entry["traceback"].endswith("ZeroDivisionError: division by zero")


def test_fields_that_json_cannot_hold_become_text_and_too_many_are_counted(
    printer: Printer,
) -> None:
    (entry,) = logged(printer, ["odd fields"])
    fields = entry["fields"]
    assert fields.pop("set") == "{1}"
    assert fields.pop("number") == "nan"
    assert fields.pop("loop").startswith("[")
    assert fields == {"fields_left_out": 1, "last": 1, "extra": "also"}


def test_a_message_whose_arguments_do_not_fit_is_logged_with_the_reason(printer: Printer) -> None:
    (entry,) = logged(printer, ["log", 30, "%d rows", None, "many"])
    assert entry["level"] == "warning"
    assert entry["message"].startswith("%d rows [its arguments ('many',) do not fit: TypeError: ")


def test_a_job_does_not_change_the_levels_of_the_next_one(printer: Printer) -> None:
    steps: list[list[Any]] = [["level", "", 10], ["level", "job", 50], ["log", 10, "shown"]]
    assert said(logged(printer, *steps)) == [("log", "shown")]
    again: list[list[Any]] = [["log", 10, "hidden"], ["log", 20, "shown", None, "", "job"]]
    assert said(logged(printer, *again)) == [("log", "shown")]


def test_processes_that_a_job_starts_are_forked(printer: Printer) -> None:
    assert said(logged(printer, ["start method"])) == [("stdout", "fork")]


def test_text_that_looks_like_a_frame_stays_text(printer: Printer) -> None:
    for text in ("\x1e", "\x1e0123456789abE3\x1fabc", "\x1e\x1e\x1f", "a\x1eb"):
        assert said(logged(printer, ["out", text])) == [("stdout", text)]


def test_frames_that_a_job_makes_up_do_no_harm(printer: Printer) -> None:
    big = 10**8
    for forged, expected in (
        (f"E{big}", ("stderr", "abc")),
        (f"L0 999 {big} {big} {big} {big} {big}", ("log", "")),
        ("L9999999999999 20 0 0 1 2 3", ("log", "a")),
        ("L1 20 0 0 0 0 0", ("stdout", "abc")),
        ("L12345678901234 20 0 0 0 0 3", None),
        ("X", None),
    ):
        found = logged(printer, ["frame", forged, "abc"])
        if expected is None:
            assert found[0]["stream"] == "stdout"
        else:
            assert said(found) == [expected]
        json.dumps(found, allow_nan=False, ensure_ascii=False).encode()


def test_progress_that_is_too_long_is_logged_once(printer: Printer) -> None:
    _, pieces = printer.run("steps", progress=[70_000, 10, 80_000])
    (entry,) = entries(merged(pieces))
    assert entry_document(entry)["level"] == "warning"
    assert " was dropped: it may have 65536; report numbers" in entry_document(entry)["message"]


def test_fields_that_a_job_makes_up_are_left_out_if_clients_could_not_read_them(
    printer: Printer,
) -> None:
    for text in ('{"a":1e999}', '{"a":NaN}', '{"a":"\\ud800"}', "[1]", "{", "[" * 5000, "\\xff"):
        found = logged(printer, ["frame", f"L1 20 0 0 0 {len(text)} {len(text)}", text])
        assert found[0]["fields"] is None
    deep = f'{{"a":{"[" * 200}{"]" * 200}}}'
    assert (
        logged(printer, ["frame", f"L1 20 0 0 0 {len(deep)} {len(deep)}", deep])[0]["fields"]
        is None
    )


def test_standard_error_that_a_job_redirects_to_a_file_goes_there(printer: Printer) -> None:
    assert said(logged(printer, ["redirect"])) == [("stdout", "the file has: lost")]
    assert said(logged(printer, ["err", "back"])) == [("stderr", "back")]


def test_an_entry_is_forwarded_whole_although_it_has_several_lines(printer: Printer) -> None:
    steps: list[list[Any]] = [["log", 20, "x" * 300 + "\n" + "y" * 300]] * 500
    found = logged(printer, *steps)
    gap = [entry for entry in found if entry["stream"] is None]
    whole = [entry for entry in found if entry["message"] == steps[0][2]]
    assert len(found) - len(whole) <= 2 * len(gap) + 2
