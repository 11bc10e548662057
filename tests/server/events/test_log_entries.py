"""Log entries, from stored pieces of output with their marks."""

from server.events.log_entries import EntryFilter, entries, entry_document, merged
from storage.records.output import Mark, Piece, Stream

OUT = Mark(0, Stream.STDOUT, 1000)
ERR = Mark(0, Stream.STDERR, 2000)
HEAD = b"2026-11-25T13:12:01.250Z WARNING a.b: "
ENTRY = Mark(0, Stream.LOG, 3000, 30, len(HEAD), 3, 5, 10)


def texts(*pieces: Piece, selected: EntryFilter | None = None) -> list[tuple[str | None, bytes]]:
    """Return the stream and the text of each entry."""
    found = entries(merged(pieces), selected or EntryFilter())
    return [(entry.stream, entry.text) for entry in found]


def at(position: int, mark: Mark) -> Mark:
    return mark._replace(position=position)


def test_output_of_a_worker_that_knows_no_marks_has_lines_without_a_stream() -> None:
    assert texts(Piece(0, b"one\ntwo")) == [(None, b"one\n"), (None, b"two")]
    (entry,) = entries([Piece(0, b"one\n")])
    assert entry_document(entry) == {
        "time": None,
        "stream": None,
        "level": None,
        "logger": None,
        "message": "one",
        "fields": None,
        "traceback": None,
        "position": 0,
    }


def test_a_line_whose_parts_were_read_one_after_the_other_is_one_entry() -> None:
    pieces = (
        Piece(0, b"on", (at(0, OUT),)),
        Piece(2, b"e\ntwo\n", (at(2, OUT), at(4, OUT))),
    )
    assert texts(*pieces) == [("stdout", b"one\n"), ("stdout", b"two\n")]


def test_a_line_ends_where_another_stream_begins() -> None:
    piece = Piece(0, b"50 %oops\ndone\n", (at(0, OUT), at(4, ERR), at(9, OUT)))
    assert texts(piece) == [("stdout", b"50 %"), ("stderr", b"oops\n"), ("stdout", b"done\n")]


def test_a_gap_is_an_entry_without_a_stream() -> None:
    pieces = (Piece(0, b"a\n", (at(0, OUT),)), Piece(10, b"b\n", (at(10, OUT),)))
    gap = b"[8 bytes are not kept]\n"
    assert texts(*pieces) == [("stdout", b"a\n"), (None, gap), ("stdout", b"b\n")]
    assert texts(*pieces, selected=EntryFilter(stream="stdout")) == [
        ("stdout", b"a\n"),
        ("stdout", b"b\n"),
    ]


def test_an_entry_in_two_pieces_is_one_and_has_all_of_its_parts() -> None:
    text = HEAD + b'hello {"row":1}\nTrace\nback\n'
    mark = ENTRY._replace(position=2, message=5)
    whole = b"x\n" + text + b"y\n"
    marks = (OUT, mark, at(2 + len(text), OUT))
    pieces = (Piece(0, whole[:60], marks[:2]), Piece(60, whole[60:], marks[2:]))
    _, entry, _ = entries(merged(pieces))
    assert entry_document(entry) == {
        "time": "1970-01-01T00:00:03.000Z",
        "stream": "log",
        "level": "warning",
        "logger": "a.b",
        "message": "hello",
        "fields": {"row": 1},
        "traceback": "Trace\nback",
        "position": 2,
    }


def test_a_level_selects_entries_of_this_level_and_above() -> None:
    marks = tuple(ENTRY._replace(position=at, level=at) for at in (0, 10, 20, 25, 30, 40, 50, 60))
    piece = Piece(0, b"x" * 69 + b"\n", (*marks, at(65, OUT)))
    levels = [entry.level for entry in entries([piece])]
    assert levels == ["debug"] * 2 + ["info"] * 2 + [
        "warning",
        "error",
        "critical",
        "critical",
        None,
    ]
    found = entries([piece], EntryFilter(level="error"))
    assert [entry.position for entry in found] == [40, 50, 60]
