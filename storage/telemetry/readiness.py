"""Tells the program that started this one when it is ready, by the protocol of sd_notify(3).

systemd reads it from units with `Type=notify`, and `python -m server --with-worker` from both of
its programs. Imports nothing of ours.
"""

import contextlib
import logging
import os
import socket

VARIABLE = "NOTIFY_SOCKET"
READY = "READY=1"
STATUS = "STATUS="
ANNOUNCED = "START_IS_ANNOUNCED"
"""An environment variable: the program that started this one tells people when it is ready."""


def start_level() -> int:
    """Return the level of log lines that say how the program has started.

    It is DEBUG if another program announces the start, because that says the same, else INFO.
    """
    return logging.DEBUG if os.environ.get(ANNOUNCED) else logging.INFO


def notify_ready(status: str) -> None:
    """Send that this program is ready, and a line for people. Does nothing if nobody listens.

    Programs that this one starts later do not inherit the address.
    """
    address = os.environ.pop(VARIABLE, "")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"  # an abstract address, which is no file
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(address)
        sender.send(f"{READY}\n{STATUS}{status}".encode())
