"""Makes pieces in a thread, some ahead of whoever takes them: decoders let go of Python's lock."""

import contextlib
import threading
from collections.abc import Iterator
from queue import Empty, Queue
from threading import Thread

_CLOSING_SECONDS = 0.01
_STACK_BYTES = 512 << 10


class ReadAhead(Iterator[bytes]):
    """The pieces of another iterator, in their order, and the exception that ends it.

    Has to be closed: until then a thread may wait with the next piece.
    """

    def __init__(self, pieces: Iterator[bytes], most: int = 4) -> None:
        """`most`: how many are made ahead."""
        self._pieces = pieces
        self._made: Queue[bytes | Exception] = Queue(most)
        self._closed = False
        self._thread = Thread(target=self._make, name="ahead", daemon=True)
        usual = threading.stack_size(_STACK_BYTES)  # all of it counts as a job's memory
        try:
            self._thread.start()
        finally:
            threading.stack_size(usual)

    def __next__(self) -> bytes:
        made = self._made.get()
        if isinstance(made, Exception):
            self._made.put(made)  # it stays like that
            raise made
        return made

    def close(self) -> None:
        """End the thread. What is made is dropped."""
        self._closed = True
        while self._thread.is_alive():
            with contextlib.suppress(Empty):
                self._made.get(timeout=_CLOSING_SECONDS)

    def _make(self) -> None:
        try:
            for piece in self._pieces:
                self._made.put(piece)
                if self._closed:
                    break
            self._made.put(StopIteration())
        except Exception as error:
            self._made.put(error)
