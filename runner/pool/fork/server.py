"""What runs inside the fork server. Imports nothing of ours but the pool's.

load ─▶ "loaded" ─▶ ┌ descriptors ─▶ fork, fork again, leave ─▶ "forked" ┐
                    └───────────────────────◀────────────────────────────┘
"""

import contextlib
import errno
import gc
import importlib
import os
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Sequence
from io import FileIO
from typing import NoReturn

from runner.pool.fork.context import become
from runner.pool.job_process.loop import Entry
from runner.pool.job_process.results import clean
from runner.pool.keeper import keeper
from runner.pool.linux import processes
from runner.pool.protocol import messages
from runner.pool.protocol.setup import InheritedDescriptor

NAME = "fork-server"
AT_ONCE = 250
"""Descriptors in a message: the kernel takes up to 253."""
MORE, LAST = b"+", b"."
_PID = struct.Struct("q")
"""The id of a forked process, or minus the number of an error."""
_REASON_LENGTH = 4000
_NEEDED = ("concurrent.futures.process", "multiprocessing.queues", "multiprocessing.synchronize")
"""What each keeper would import else, for itself: its executor's."""


def serve(
    runner: int,
    channel: socket.socket,
    load: Callable[[], Entry],
    keep: Sequence[InheritedDescriptor],
) -> None:
    """Be the fork server of a runner, until it ends."""
    processes.die_with_parent(runner, signal.SIGKILL)
    processes.set_name(NAME)
    try:
        keeper.hold(load())
    except BaseException as error:
        reason = clean(f"{type(error).__name__}: {error}")[:_REASON_LENGTH]
        messages.send(channel, {"reason": reason})
        return
    for name in _NEEDED:
        importlib.import_module(name)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # what is buffered would be printed by each process that is forked
    gc.collect()
    gc.freeze()  # keeps what is loaded in pages that are shared with all that is forked
    messages.send(channel, {"reason": None})
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            descriptors = _receive(channel)
            messages.send(channel, {"pid": _fork_orphan(channel, descriptors)})


def _receive(channel: socket.socket) -> list[int]:
    """The descriptors of the next request. Raises EOFError when the runner is gone.

    The kernel drops those that would be too many for this process: then it can fork nothing, for
    which it needs some more.
    """
    received: list[int] = []
    while True:
        data, descriptors, _, _ = socket.recv_fds(channel, 1, AT_ONCE)
        received += descriptors
        if not data:
            raise EOFError
        if data == LAST:
            return received


def _fork_orphan(channel: socket.socket, descriptors: Sequence[int]) -> int:
    """Fork a process whose parent has ended since; its id, or minus the number of an error."""
    with contextlib.ExitStack() as held:
        for descriptor in descriptors:
            held.callback(os.close, descriptor)
        try:
            told, tell = os.pipe()
            held.callback(os.close, told)
            with open(tell, "wb", buffering=0) as telling:
                between = os.fork()
                if between == 0:
                    channel.close()
                    os.close(told)
                    _fork_and_leave(telling, descriptors)
            os.waitpid(between, 0)  # from now on, the runner is the parent
            data = os.read(told, _PID.size)
        except OSError as error:
            return -(error.errno or errno.EAGAIN)
        return int(_PID.unpack(data)[0]) if data else -errno.ECHILD


def _fork_and_leave(telling: FileIO, descriptors: Sequence[int]) -> NoReturn:
    code = 1
    try:
        try:
            pid = os.fork()
        except OSError as error:
            pid = -(error.errno or errno.EAGAIN)
        if pid:
            telling.write(_PID.pack(pid))
            os._exit(0)
        processes.set_name("keeper")
        telling.close()
        code = become(descriptors)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)
