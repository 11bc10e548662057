"""Messages between the processes of a pool: a JSON object each, optionally with a body.

    pool     ◀── ready | progress | outcome + body | terminated ── keeper
             ◀── output + body ─────────────────────────────────────
             ──  call + body | kill ───────────────────────────────▶
    keeper   ──  request + body ───────────────────────────────────▶ job process
             ◀── progress | answer + body ──────────────────────────

A SOCK_SEQPACKET socket delivers each message completely or not at all, so a process that is stopped
or killed while sending leaves no partial message. A long body is sent as a file descriptor of
memory (memfd, SCM_RIGHTS): it cannot block the sender, and a keeper forwards it unread.
"""

import array
import os
import socket
from typing import Any, NamedTuple

import orjson

MESSAGE_BYTES = 65536
"""The maximum size of a message; senders must keep their fields short enough."""
_INLINE_BODY_BYTES = 16384
"""A body up to this size is sent within the message, after its fields."""
_SEPARATOR = b"\n"
_ANCILLARY_BYTES = socket.CMSG_SPACE(array.array("i").itemsize)
# Plain integers, because combining the enum members costs more than receiving a message.
_BLOCKING = int(socket.MSG_CMSG_CLOEXEC)
_NONBLOCKING = int(socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT)

Body = bytes | int
"""Bytes, or the descriptor of a memfd that contains them. Bodies are UTF-8 text, except in output
messages. The receiver must read, forward or drop a body once, which frees the descriptor."""


class Message(NamedTuple):
    """A received message."""

    fields: dict[str, Any]
    body: Body | None = None


def new_channel() -> tuple[socket.socket, socket.socket]:
    """Return the two connected ends of a new channel."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(
    end: socket.socket, fields: dict[str, Any], body: Body | None = None, nonblocking: bool = False
) -> None:
    """Send a message, waiting while the channel is full. A body given as a descriptor stays open.

    Raises BlockingIOError if `nonblocking` and the channel is full, and any other OSError if the
    other end is closed or the message cannot be sent.
    """
    data, flags = orjson.dumps(fields), socket.MSG_DONTWAIT if nonblocking else 0
    if body is None:
        end.send(data, flags)
    elif isinstance(body, int):
        rights = array.array("i", [body])
        end.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)], flags)
    elif len(body) <= _INLINE_BODY_BYTES:
        end.sendmsg([data, _SEPARATOR, body], (), flags)
    else:
        memfd = _to_memfd(body)
        try:
            send(end, fields, memfd, nonblocking)
        finally:
            os.close(memfd)


def try_send(end: socket.socket, fields: dict[str, Any]) -> bool:
    """Send a message without waiting. Returns False if it is too long or cannot be sent now."""
    data = orjson.dumps(fields)
    if len(data) > MESSAGE_BYTES:
        return False
    try:
        end.send(data, socket.MSG_DONTWAIT)
    except OSError:
        return False
    return True


def receive(end: socket.socket, wait: bool = False) -> Message | None:
    """Return the next message. Without `wait`, returns None if there is none yet.

    Raises EOFError once the other end is closed and all its messages are read, and ValueError if
    the data are not a message.
    """
    flags = _BLOCKING if wait else _NONBLOCKING
    while True:
        try:
            data, ancillary, _, _ = end.recvmsg(MESSAGE_BYTES, _ANCILLARY_BYTES, flags)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            # Reported once if the other end closed with unread data. Its messages follow.
            continue
        if not data:
            raise EOFError
        header, separator, body = data.partition(_SEPARATOR)
        fields = orjson.loads(header)
        if not isinstance(fields, dict):
            raise ValueError(f"no message: {header!r}")
        return Message(fields, body if separator else _descriptor(ancillary))


def read_text(body: Body) -> str:
    """Return the text of a body and close its descriptor."""
    return read_bytes(body).decode("utf-8", "surrogatepass")


def read_bytes(body: Body) -> bytes:
    """Return the bytes of a body and close its descriptor."""
    if isinstance(body, bytes):
        return body
    with open(body, "rb") as file:
        file.seek(0)
        return file.read()


def drop(body: Body | None) -> None:
    """Close the descriptor of a body that is not read."""
    if isinstance(body, int):
        os.close(body)


def _to_memfd(body: bytes) -> int:
    memfd = os.memfd_create("text", os.MFD_CLOEXEC)
    with open(memfd, "wb", closefd=False) as file:
        file.write(body)
    return memfd


def _descriptor(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for _, _, data in ancillary:
        return array.array("i", data)[0]
    return None
