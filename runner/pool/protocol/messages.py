"""Messages between the processes of a pool: a JSON object each, optionally with a body.

    pool     ◀── ready | progress | outcome + body | terminated ── keeper
             ◀── output + body ─────────────────────────────────────
             ──  call + body | kill ───────────────────────────────▶
    keeper   ──  request + body ───────────────────────────────────▶ job process
             ◀── progress | answer + body ──────────────────────────

A SOCK_SEQPACKET socket delivers each message completely or not at all, so a process that is stopped
or killed while sending leaves no partial message. A long body is sent as a file descriptor of
memory (memfd, SCM_RIGHTS): it cannot block the sender. The memory is sealed, so that its sender
cannot change it after the receiver has checked it.
"""

import array
import fcntl
import os
import socket
from typing import NamedTuple

import orjson

from storage.records.json_values import Json

MESSAGE_BYTES = 65536
"""The maximum size of a message; senders must keep their fields short enough."""
_INLINE_BODY_BYTES = 16384
"""A body up to this size is sent within the message, after its fields."""
_SEPARATOR = b"\n"
_ANCILLARY_BYTES = socket.CMSG_LEN(array.array("i").itemsize)
"""Room for one descriptor: the kernel closes all others that a message contains."""
_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
# Plain integers, because combining the enum members costs more than receiving a message.
_BLOCKING = int(socket.MSG_CMSG_CLOEXEC)
_NONBLOCKING = int(socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT)

Body = bytes | int
"""Bytes, or the descriptor of a memfd that contains them. Bodies are UTF-8 text, except in output
messages. The receiver must read or drop a body once, which frees the descriptor."""


class Message(NamedTuple):
    """A received message."""

    fields: Json
    body: Body | None = None
    body_lost: bool = False
    """Whether the kernel dropped the descriptor of the body, because too many were open."""


def new_channel() -> tuple[socket.socket, socket.socket]:
    """Return the two connected ends of a new channel."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(
    end: socket.socket, fields: Json, body: bytes | None = None, nonblocking: bool = False
) -> None:
    """Send a message, waiting while the channel is full.

    Raises BlockingIOError if `nonblocking` and the channel is full, and any other OSError if the
    other end is closed or the message cannot be sent.
    """
    data, flags = orjson.dumps(fields), socket.MSG_DONTWAIT if nonblocking else 0
    if body is None:
        end.send(data, flags)
    elif len(body) <= _INLINE_BODY_BYTES:
        end.sendmsg([data, _SEPARATOR, body], (), flags)
    else:
        memfd = _to_memfd(body)
        try:
            rights = array.array("i", [memfd])
            end.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)], flags)
        finally:
            os.close(memfd)


def try_send(end: socket.socket, fields: Json) -> bool:
    """Send a message without waiting. Returns False if it is too long or cannot be sent now."""
    data = orjson.dumps(fields)
    if len(data) > MESSAGE_BYTES:
        return False
    try:
        end.send(data, socket.MSG_DONTWAIT)
    except OSError:
        return False
    return True


def encoded_size(fields: Json) -> int:
    """Return the bytes of a message without a body."""
    return len(orjson.dumps(fields))


def receive(end: socket.socket, wait: bool = False) -> Message | None:
    """Return the next message. Without `wait`, returns None if there is none yet.

    Raises EOFError once the other end is closed and all its messages are read, and ValueError if
    the data are not a message.
    """
    flags = _BLOCKING if wait else _NONBLOCKING
    while True:
        try:
            data, ancillary, received_flags, _ = end.recvmsg(MESSAGE_BYTES, _ANCILLARY_BYTES, flags)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            # Reported once if the other end closed with unread data. Its messages follow.
            continue
        if not data:
            raise EOFError
        return decode(data, _descriptor(ancillary), received_flags)


def decode(data: bytes, descriptor: int | None = None, flags: int = 0) -> Message:
    """Return the message in a packet with its descriptor, if any, and the flags of its reception.

    Raises ValueError if it is no message, and then closes the descriptor.
    """
    try:
        if flags & socket.MSG_TRUNC:
            raise ValueError(f"a message of more than {MESSAGE_BYTES} bytes")
        body_lost = bool(flags & socket.MSG_CTRUNC)
        header, separator, body = data.partition(_SEPARATOR)
        fields = orjson.loads(header)
        if not isinstance(fields, dict):
            raise ValueError("a message that is no object")
        if descriptor is not None and (separator or body_lost):
            raise ValueError("a message with more than one body")
    except ValueError:
        drop(descriptor)
        raise
    return Message(fields, body if separator else descriptor, body_lost)


def read_text(body: Body) -> str:
    """Return the text of a body and close its descriptor."""
    return read_bytes(body).decode("utf-8", "surrogatepass")


def read_bytes(body: Body, max_bytes: int | None = None) -> bytes:
    """Return the bytes of a body and close its descriptor.

    Raises ValueError if the body has more than `max_bytes`, or if the descriptor is not one of
    sealed memory. Reading anything else could block, never end, or find other bytes later.
    """
    size = len(body) if isinstance(body, bytes) else _sealed_size(body)
    try:
        if max_bytes is not None and size > max_bytes:
            raise ValueError(f"a body of {size} bytes, more than {max_bytes}")
        # Not read(), since the sender could move the position, which it shares.
        data = body if isinstance(body, bytes) else os.pread(body, size, 0)
    except OSError as error:
        raise ValueError(f"a body that cannot be read: {error}") from error
    finally:
        drop(body)
    if len(data) < size:
        raise ValueError(f"a body with {len(data)} of {size} bytes")
    return data


def drop(body: Body | None) -> None:
    """Close the descriptor of a body that is not read."""
    if isinstance(body, int):
        os.close(body)


def _sealed_size(memfd: int) -> int:
    """Return the size of sealed memory in bytes. Raises ValueError for any other descriptor, and
    closes it."""
    try:
        if fcntl.fcntl(memfd, fcntl.F_GET_SEALS) & _SEALS == _SEALS:
            return os.fstat(memfd).st_size
    except OSError:
        pass  # not a memfd
    os.close(memfd)
    raise ValueError("a body whose descriptor is not sealed memory")


def _to_memfd(body: bytes) -> int:
    memfd = os.memfd_create("text", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(memfd, "wb", closefd=False) as file:
            file.write(body)
        fcntl.fcntl(memfd, fcntl.F_ADD_SEALS, _SEALS)
    except OSError:
        os.close(memfd)
        raise
    return memfd


def _descriptor(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for _, _, data in ancillary:
        if data:
            return array.array("i", data)[0]
    return None
