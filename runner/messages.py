"""Messages between the processes of a pool: a JSON object each, some with a long text besides.

    pool     ◀── ready | load_failed | started | progress | outcome | terminated ── keeper
             ──  kill ─────────────────────────────────────────────────────────▶
    keeper   ──  request + text ───────────────────────────────────────────────▶ job process
             ◀── progress | answer + text ──────────────────────────────────────

(A call itself comes to a keeper through the executor.) On SOCK_SEQPACKET sockets a message comes
whole or not at all: who is stopped or killed half way through leaves no half of one behind. A long
text travels as a descriptor of memory, so that it cannot block its sender, and a keeper hands it
on without reading it. Imports nothing of ours.
"""

import array
import json
import os
import socket
from dataclasses import dataclass
from typing import Any

MESSAGE_BYTES = 65536
"""No message is longer; whoever sends one bounds its parts."""
_SHORT_BYTES = 16384
"""A text up to this length travels in the message itself, behind its fields."""
_SEPARATOR = b"\n"

Text = bytes | int
"""UTF-8, or a descriptor of memory that holds it: to be read, handed on, or dropped."""


@dataclass(frozen=True)
class Message:
    """What was received."""

    fields: dict[str, Any]
    text: Text | None = None


def channel() -> tuple[socket.socket, socket.socket]:
    """Two connected ends."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(end: socket.socket, fields: dict[str, Any], text: Text | None = None) -> None:
    """Send a message, waiting while the other side has too many unread. Keeps the text.

    Raises OSError if the other side is gone.
    """
    data = json.dumps(fields).encode()
    if text is None:
        end.send(data)
    elif isinstance(text, int):
        rights = array.array("i", [text])
        end.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    elif len(text) <= _SHORT_BYTES:
        end.sendmsg([data, _SEPARATOR, text])
    else:
        memory = _to_memory(text)
        try:
            send(end, fields, memory)
        finally:
            os.close(memory)


def send_at_once(end: socket.socket, fields: dict[str, Any]) -> bool:
    """Send a message, but only if that needs no waiting and it is not too long; whether it was."""
    data = json.dumps(fields).encode()
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
    flags = socket.MSG_CMSG_CLOEXEC | (0 if wait else socket.MSG_DONTWAIT)
    space = socket.CMSG_SPACE(array.array("i").itemsize)
    while True:
        try:
            data, ancillary, _, _ = end.recvmsg(MESSAGE_BYTES, space, flags)
        except BlockingIOError:
            return None
        except ConnectionResetError:
            continue  # said once, if the other side left something unread; read on
        if not data:
            raise EOFError
        header, separator, text = data.partition(_SEPARATOR)
        fields = json.loads(header)
        if not isinstance(fields, dict):
            raise ValueError(f"no message: {header!r}")
        return Message(fields, text if separator else _descriptor(ancillary))


def read(text: Text) -> str:
    """The text, which then can be read no more."""
    if isinstance(text, int):
        with open(text, "rb") as file:
            file.seek(0)
            text = file.read()
    return text.decode("utf-8", "surrogatepass")


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
