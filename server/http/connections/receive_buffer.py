"""Keeps few bytes in the kernel that a client has sent and the listener has not read.

These bytes are lost if the listener is killed. On a short way, a small buffer costs no speed: the
rate is its size divided by the round-trip time. On a longer way, the kernel chooses the size.
Imports nothing of ours.
"""

import contextlib
import socket
import struct

BUFFER_BYTES = 128 * 1024
"""The size of the buffer. Linux doubles it, for what it stores besides the bytes."""
MAX_ROUND_TRIP_US = 2000
"""The longest round trip with a small buffer, in microseconds: it allows 64 MB/s at least."""
_INFO_BYTES = 104
_ROUND_TRIP = struct.Struct("=68xI")
"""Where `struct tcp_info` has the round-trip time, see tcp(7) and linux/tcp.h."""


def limit_receive_buffer(connection: socket.socket) -> None:
    """Let the kernel keep few bytes of a connection, unless its way is long."""
    with contextlib.suppress(OSError, struct.error):  # another kind of socket
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        (round_trip,) = _ROUND_TRIP.unpack_from(info)
        if round_trip <= MAX_ROUND_TRIP_US:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
