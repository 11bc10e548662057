"""Pieces that a thread fetches ahead."""

import threading
from collections.abc import Iterator

import pytest

from runner.remote.read_ahead import ReadAhead


@pytest.mark.parametrize("taken", [0, 1, 20])
def test_closing_ends_the_thread(taken: int) -> None:
    pieces = ReadAhead(iter([b"%d" % number for number in range(30)]))
    assert threading.active_count() == 2
    assert [next(pieces) for _ in range(taken)] == [b"%d" % number for number in range(taken)]
    pieces.close()
    assert threading.active_count() == 1


def test_an_error_comes_after_the_pieces_before_it() -> None:
    def fetch() -> Iterator[bytes]:
        yield b"piece"
        raise OSError("cut")

    pieces = ReadAhead(fetch())
    assert next(pieces) == b"piece"
    for _ in range(2):
        with pytest.raises(OSError, match="cut"):
            next(pieces)
    pieces.close()
