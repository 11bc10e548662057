from jobservice.log_entries import (
    LogEntry,
    OutputLines,
    entries_of_event,
    entries_of_output,
    lines_of,
)


def test_only_a_line_feed_ends_a_line() -> None:
    text = "one\ntwo\r\nthree\u2028still three\x0b\nrest"
    assert list(lines_of(text)) == ["one\n", "two\r\n", "three\u2028still three\x0b\n", "rest"]
    assert list(lines_of("")) == []


def test_pieces_are_joined_to_lines() -> None:
    lines = OutputLines()
    assert list(lines.take(1, 0, "a")) == []
    assert list(lines.take(1, 1, "b\nc")) == ["ab\n"]
    assert list(lines.finish()) == ["c"]
    assert list(lines.finish()) == []


def test_a_gap_is_marked_as_the_service_does_it() -> None:
    lines = OutputLines()
    first = list(lines.take(1, 0, "ä\n"))
    assert first + list(lines.take(1, 10, "end\n")) == [
        "ä\n",
        "\n",
        "[7 bytes are not kept]\n",
        "end\n",
    ]


def test_an_older_service_sends_lines_without_marks() -> None:
    pieces = [{"position": 0, "text": "one\ntwo"}]
    document = {"attempt": 1, "pieces": pieces}
    assert [each.message for each in entries_of_output(document)] == ["one", "two"]
    event = {"attempt": 1, "position": 0, "text": "one\n"}
    assert list(entries_of_event(event)) == [LogEntry("one")]


def test_another_attempt_begins_a_new_line() -> None:
    lines = OutputLines()
    list(lines.take(1, 0, "unfinished"))
    assert list(lines.take(2, 0, "next\n")) == ["unfinished", "next\n"]
