"""Messages between the processes of a pool: a JSON object each, some with a long text besides.

    pool     ◀── ready | progress | outcome | terminated ── keeper
             ◀── output + text ─────────────────────────────
             ──  call + text | kill ───────────────────────▶
    keeper   ──  request + text ───────────────────────────▶ job process
             ◀── progress | answer + text ──────────────────

On SOCK_SEQPACKET sockets a message comes
whole or not at all: who is stopped or killed half way through leaves no half of one behind. A long
text travels as a descriptor of memory, so that it cannot block its sender, and a keeper hands it
on without reading it. Imports nothing of ours.
"""

import array
import os
import socket
from typing import Any, NamedTuple

import orjson

MESSAGE_BYTES = 65536
"""No message is longer; whoever sends one bounds its parts."""
_SHORT_BYTES = 16384
"""A text up to this length travels in the message itself, behind its fields."""
_SEPARATOR = b"\n"
_SPACE = socket.CMSG_SPACE(array.array("i").itemsize)
# Put together once: as enums, that takes longer than to receive.
_WAITING = int(socket.MSG_CMSG_CLOEXEC)
_AT_ONCE = int(socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT)

Text = bytes | int
"""UTF-8 (but for output), or a descriptor of memory with it: to be read, handed on, or dropped."""


class Message(NamedTuple):
    """What was received."""

    fields: dict[str, Any]
    text: Text | None = None


def channel() -> tuple[socket.socket, socket.socket]:
    """Two connected ends."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(
    end: socket.socket, fields: dict[str, Any], text: Text | None = None, at_once: bool = False
) -> None:
    """Send a message, waiting while the other side has too many unread. Keeps the text.

    Raises OSError if the other side is gone; BlockingIOError where it is to be sent `at_once`, and
    that would have to wait.
    """
    data, flags = orjson.dumps(fields), socket.MSG_DONTWAIT if at_once else 0
    if text is None:
        end.send(data, flags)
    elif isinstance(text, int):
        rights = array.array("i", [text])
        end.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)], flags)
    elif len(text) <= _SHORT_BYTES:
        end.sendmsg([data, _SEPARATOR, text], (), flags)
    else:
        memory = _to_memory(text)
        try:
            send(end, fields, memory, at_once)
        finally:
            os.close(memory)


def send_at_once(end: socket.socket, fields: dict[str, Any]) -> bool:
    """Send a message, but only if that needs no waiting and it is not too long; whether it was."""
    data = orjson.dumps(fields)
    if len(data) > MESSAGE_BYTES:
        return False
    try:
        end.send(data, socket.MSG_DONTWAIT)
    except OSError:
        return False
    return True


def receive(end: socket.socket, wait: bool = False) -> Message | None:
    """The next message; None if there is none and `wait` is false.

    Raises EOFError if the other side is gone and all it sent is read, and ValueError for what is
    no message.
    """
    flags = _WAITING if wait else _AT_ONCE
    while True:
        try:
            data, ancillary, _, _ = end.recvmsg(MESSAGE_BYTES, _SPACE, flags)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            continue  # said once, if the other side left something unread; read on
        if not data:
            raise EOFError
        header, separator, text = data.partition(_SEPARATOR)
        fields = orjson.loads(header)
        if not isinstance(fields, dict):
            raise ValueError(f"no message: {header!r}")
        return Message(fields, text if separator else _descriptor(ancillary))


def read(text: Text) -> str:
    """The text, which then can be read no more."""
    return read_bytes(text).decode("utf-8", "surrogatepass")


def read_bytes(text: Text) -> bytes:
    """The same for one that may be something else than UTF-8."""
    if isinstance(text, bytes):
        return text
    with open(text, "rb") as file:
        file.seek(0)
        return file.read()


def drop(text: Text | None) -> None:
    """Free a text that is of no use."""
    if isinstance(text, int):
        os.close(text)


def _to_memory(text: bytes) -> int:
    memory = os.memfd_create("text", os.MFD_CLOEXEC)
    with open(memory, "wb", closefd=False) as file:
        file.write(text)
    return memory


def _descriptor(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    for _, _, data in ancillary:
        return array.array("i", data)[0]
    return None
