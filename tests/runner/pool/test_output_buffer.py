"""The output that waits in a keeper: frames, marks and limits, read in any pieces."""

import random

import pytest

from runner.pool.protocol import messages
from runner.pool.protocol.log_frames import entry_header, stderr_header
from runner.pool.protocol.output import read_piece
from runner.pool.protocol.output_buffer import OutputBuffer
from storage.records.output import Mark, Piece, Stream, compact, marks_from_json, marks_to_json

KEY = b"0123456789ab"
LOGGED = b"2026-11-25T13:12:01.250Z INFO job: hi\n"
ENTRY = Mark(0, Stream.LOG, 1000, 20, 36, 3, 2)
FRAME = entry_header(KEY, ENTRY, len(LOGGED)) + LOGGED


def buffer_of(*reads: bytes, max_bytes: int = 10_000) -> OutputBuffer:
    """Return a buffer after these reads of the first pipe, which all happen at once."""
    buffer = OutputBuffer(max_bytes, KEY)
    for data in reads:
        buffer.take(data, Stream.STDOUT, 7)
    return buffer


def whole(buffer: OutputBuffer) -> Piece:
    buffer.end(7)
    return buffer.piece(len(buffer))


def test_frames_are_found_wherever_a_read_ends() -> None:
    data = b"one\n" + FRAME + stderr_header(KEY, 4) + b"err\n" + FRAME + b"\x1etwo\n\x1e" + KEY[:3]
    expected = whole(buffer_of(data))
    assert expected.text == b"one\n" + LOGGED + b"err\n" + LOGGED + b"\x1etwo\n\x1e" + KEY[:3]
    assert [mark.stream for mark in expected.marks] == [1, 0, 2, 0, 1]
    for size in (1, 2, 3, 5, 13, 14, 40):
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        assert whole(buffer_of(*parts)) == expected


def test_an_entry_that_is_not_complete_is_not_forwarded() -> None:
    frame = entry_header(KEY, ENTRY, 12) + b"one\ntwo\n"
    buffer = buffer_of(b"x\n" + frame)
    assert buffer.complete_bytes() == 2
    buffer.take(b"end\n", Stream.STDOUT, 7)
    assert buffer.complete_bytes() == 14
    full = buffer_of(entry_header(KEY, ENTRY, 10**6) + b"x" * 500, max_bytes=500)
    assert full.complete_bytes() == 500  # it must not wait for the rest


def test_the_second_pipe_ends_an_entry_whose_rest_is_not_read_yet() -> None:
    buffer = buffer_of(entry_header(KEY, ENTRY, 8) + b"one\n")
    buffer.take(b"err\n", Stream.STDERR, 7)
    buffer.take(b"two\n", Stream.STDOUT, 7)
    piece = whole(buffer)
    assert piece.text == b"one\nerr\ntwo\n"
    assert [(mark.position, mark.stream) for mark in piece.marks] == [(0, 0), (4, 2), (8, 1)]


def test_a_job_cannot_store_many_times_more_marks_than_text() -> None:
    frame = entry_header(KEY, ENTRY, 1) + b"x"
    piece = whole(buffer_of(*[frame] * 5000))
    assert len(piece.text) == 5000
    assert len(piece.marks) <= 5000 / 8 + 256


def test_a_run_that_is_cut_goes_on_in_the_next_piece() -> None:
    buffer = buffer_of(b"one\ntwo\n")
    first = buffer.piece(4)
    buffer.drop(4)
    assert first.marks == (Mark(0, Stream.STDOUT, 7),)
    assert buffer.piece(4).marks == (Mark(4, Stream.STDOUT, 7),)


def test_lines_get_a_new_time_but_no_line_gets_two() -> None:
    buffer = OutputBuffer(1000, KEY)
    for text, now in ((b"one\n", 0), (b"two\n", 5), (b"thr", 50), (b"ee\n", 90), (b"four\n", 95)):
        buffer.take(text, Stream.STDOUT, now)
    assert [(mark.position, mark.time) for mark in whole(buffer).marks] == [
        (0, 0),
        (8, 50),
        (14, 95),
    ]


def test_random_output_arrives_whole_and_with_valid_marks() -> None:
    drawn = random.Random(7)
    for _ in range(200):
        buffer, sent, taken = OutputBuffer(2000, KEY), b"", b""
        for _ in range(drawn.randrange(20)):
            text = drawn.randbytes(drawn.randrange(60))
            kind = drawn.randrange(4)
            if kind == 0:
                buffer.take(text, Stream.STDERR, 7)
            elif kind == 1 and text:
                frame = entry_header(KEY, ENTRY, len(text)) + text
                at = drawn.randrange(len(frame))
                buffer.take(frame[:at], Stream.STDOUT, 7)
                buffer.take(frame[at:], Stream.STDOUT, 7)
            else:
                text = text.replace(b"\x1e", b"-")
                buffer.take(text, Stream.STDOUT, 7)
            taken += text
            size = buffer.complete_bytes()
            sent += checked(buffer.piece(size)) if size else b""
            buffer.drop(size)
        assert sent + checked(whole(buffer)) == taken


def checked(piece: Piece) -> bytes:
    """Return the text of a piece, after sending it to a pool that checks it."""
    assert received(piece) == piece
    return piece.text


def received(piece: Piece) -> Piece:
    fields = {"position": piece.position, "size": len(piece.text)}
    body = piece.text + marks_to_json(piece.marks).encode()
    return read_piece(messages.Message(fields, body), 2000)


@pytest.mark.parametrize(
    "marks",
    [
        (Mark(9, Stream.STDOUT, 5),),
        (Mark(14, Stream.STDOUT, 5),),
        (Mark(11, Stream.STDOUT, 5), Mark(11, Stream.STDERR, 5)),
        (Mark(10, 3, 5),),
        (Mark(10, Stream.STDOUT, 10**13),),
        (Mark(10, Stream.STDOUT, -1),),
    ],
)
def test_marks_that_no_keeper_sends_are_refused(marks: tuple[Mark, ...]) -> None:
    with pytest.raises(ValueError, match="mark"):
        received(Piece(10, b"text", marks))


def test_too_much_text_or_too_many_marks_are_refused() -> None:
    for fields, body, reason in (
        ({"position": 0, "size": 3000}, b"x" * 3000 + b"[]", "output of 3000 bytes"),
        ({"position": 0, "size": 1}, b"x" + b" " * 200_000 + b"[]", "a body of 200003 bytes"),
        ({"position": 0, "size": 1}, b"x{}", "not a list"),
        ({"position": 0, "size": 9}, b"x[]", "empty document"),
        ({"position": 0}, b"x[]", "size is not an integer"),
    ):
        with pytest.raises(ValueError, match=reason):
            read_piece(messages.Message(fields, body), 2000)


def test_marks_are_stored_as_short_json() -> None:
    marks = (Mark(3, Stream.STDERR, 5), ENTRY)
    assert compact(marks) == [[3, 2, 5], [0, 0, 1000, 20, 36, 3, 2, 0]]
    assert marks_from_json(marks_to_json(marks)) == marks
