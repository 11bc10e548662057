"""Fetches pieces in a thread, ahead of the reader. Decoders and sockets release Python's GIL."""

import contextlib
import threading
from collections.abc import Iterator
from queue import Empty, Queue
from threading import Thread

_CLOSING_SECONDS = 0.01
_STACK_BYTES = 512 << 10


class ReadAhead(Iterator[bytes]):
    """Yields the pieces of another iterator in order, then raises the exception that ended it.

    It must be closed, because the thread may be waiting to deliver the next piece.
    """

    def __init__(self, pieces: Iterator[bytes], max_pieces: int = 4) -> None:
        """`max_pieces` is the number of pieces fetched ahead."""
        self._pieces = pieces
        self._queue: Queue[bytes | Exception] = Queue(max_pieces)
        self._closed = False
        self._thread = Thread(target=self._fill_queue, name="ahead", daemon=True)
        usual = threading.stack_size(_STACK_BYTES)  # the whole stack counts as the job's memory
        try:
            self._thread.start()
        finally:
            threading.stack_size(usual)

    def __next__(self) -> bytes:
        item = self._queue.get()
        if isinstance(item, Exception):
            self._queue.put(item)  # every later call raises it again
            raise item
        return item

    def close(self) -> None:
        """End the thread, and drop the pieces that were fetched ahead."""
        self._closed = True
        while self._thread.is_alive():
            with contextlib.suppress(Empty):
                self._queue.get(timeout=_CLOSING_SECONDS)

    def _fill_queue(self) -> None:
        try:
            for piece in self._pieces:
                self._queue.put(piece)
                if self._closed:
                    break
            self._queue.put(StopIteration())
        except Exception as error:
            self._queue.put(error)
