from jobservice.event_stream import Event, EventParser

STREAM = (
    b"retry: 250\nid: 4\n\n:\n\n"
    b'event: status\nid: 5\ndata: {"job_id": "a", "status": "running"}\n\n'
    b'event: log\nid: 6\ndata: {"job_id": "a", "text": "\xe2\x80\xa8"}\n\n'
    b'event: end\ndata: {"job_id": "a", "status": null}\n\n'
)
EVENTS = [
    Event("status", {"job_id": "a", "status": "running"}, 5),
    Event("log", {"job_id": "a", "text": "\u2028"}, 6),
    Event("end", {"job_id": "a", "status": None}, 6),
]


def test_events_are_read_however_the_bytes_arrive() -> None:
    for size in (1, 2, 3, 7, 1000):
        parser = EventParser()
        pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
        assert [event for piece in pieces for event in parser.feed(piece)] == EVENTS
        assert (parser.last_id, parser.retry_seconds, parser.is_over) == (6, 0.25, True)


def test_all_line_ends_are_known() -> None:
    for end in (b"\r\n", b"\r"):
        parser = EventParser()
        text = STREAM.replace(b"\n", end) + b": more"
        pieces = [text[at : at + 1] for at in range(len(text))]
        assert [event for piece in pieces for event in parser.feed(piece)] == EVENTS


def test_the_first_frame_tells_where_a_stream_can_continue() -> None:
    parser = EventParser()
    assert list(parser.feed(b"retry: 1000\nid: 17\n\n")) == []
    assert parser.last_id == 17
    assert not parser.is_over


def test_an_incomplete_event_is_dropped_with_its_connection() -> None:
    parser = EventParser(3)
    assert list(parser.feed(b'event: status\ndata: {"job_id"')) == []
    parser.begin()
    (event,) = parser.feed(b'event: log\nid: 4\ndata: {"job_id": "b"}\n\n')
    assert event == Event("log", {"job_id": "b"}, 4)
    assert (event.job_id, event.status) == ("b", None)


def test_data_on_several_lines_is_one_text() -> None:
    (event,) = EventParser().feed(b'data: {"job_id":\ndata: "c"}\nunknown: x\nid: no\n\n')
    assert event == Event("message", {"job_id": "c"}, None)
