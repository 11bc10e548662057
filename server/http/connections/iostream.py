"""The undocumented parts of Tornado's IOStream that connections use, under names of ours.

Tornado may change them in any release. `TESTED` names the release that they were checked with, and
`tests/server/http/test_iostream.py` fails if a part differs in the installed one.
"""

from typing import Any

from tornado.iostream import IOStream

TESTED = "6.6.1"
"""The release of Tornado that this module was checked with."""


class OpenIOStream(IOStream):
    """An IOStream that lets a subclass decide when and how its socket is read."""

    def has_buffered(self) -> bool:
        """Whether the buffer holds bytes of the socket that Tornado has not passed on yet."""
        return self._read_buffer_size > 0

    def on_events(self, events: int) -> None:
        """Handle events of the socket. The event loop calls this."""
        super()._handle_events(self.fileno(), events)

    def try_read(self) -> None:
        """Read for a request that has just been made. Tornado calls this."""
        super()._try_inline_read()

    def require_open(self) -> None:
        """Raise StreamClosedError if the stream is closed."""
        self._check_closed()

    def await_readable(self) -> None:
        """Let the event loop report when the socket is readable."""
        self._add_io_state(self.io_loop.READ)

    def ignore_readable(self) -> None:
        """Let the event loop report only errors, until `await_readable`."""
        self._state = self.io_loop.ERROR
        self.io_loop.update_handler(self.fileno(), self._state)

    def _handle_events(self, fd: Any, events: int) -> None:
        self.on_events(events)

    def _try_inline_read(self) -> None:
        self.try_read()
