"""The main loop of the fork server process.

load ─▶ "loaded" ─▶ ┌ receive descriptors ─▶ fork twice, first child exits ─▶ send pid ┐
                    └──────────────────────────────◀───────────────────────────────────┘
"""

import contextlib
import errno
import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Sequence
from io import FileIO
from typing import NoReturn

from runner.pool.fork.watchdog import Watchdog, WatchdogArguments
from runner.pool.job_process.loop import Entry
from runner.pool.job_process.results import plain_text
from runner.pool.keeper import keeper
from runner.pool.linux import processes
from runner.pool.linux.landlock import JobAccess
from runner.pool.protocol import messages
from runner.pool.protocol.python_internals import PRELOADED, InheritedDescriptor, run_child

PROCESS_NAME = "fork-server"
REQUEST = b"."
"""The content of a message with the descriptors for a fork."""
_MAX_DESCRIPTORS = 253  # the kernel's limit (SCM_MAX_FD); a keeper gets about a dozen
_PID = struct.Struct("q")
"""The pid of a forked process, or minus an errno."""
_REASON_LENGTH = 4000


def serve(
    runner: int,
    channel: socket.socket,
    load: Callable[[], Entry],
    access: JobAccess | None,
    keep_fds: Sequence[InheritedDescriptor],
    watchdog_arguments: WatchdogArguments | None,
) -> None:
    """Load the entry and fork keepers, until the runner ends. Meanwhile, watch the runner.

    `runner` is its pid. `access` says what jobs may access; None: everything. `keep_fds` only need
    to be held; pickling has opened them here.
    """
    processes.die_with_parent(runner, signal.SIGKILL)
    processes.set_process_name(PROCESS_NAME)
    try:
        entry = load()
        keeper.set_entry(entry, access)
    except BaseException as error:
        reason = plain_text(f"{type(error).__name__}: {error}", _REASON_LENGTH)
        messages.send(channel, {"reason": reason})
        return
    for name in PRELOADED:
        importlib.import_module(name)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()  # each forked process would print buffered text again
    gc.collect()
    gc.freeze()  # keeps loaded objects in memory pages that forked processes share
    notes = getattr(entry, "notes", None)
    messages.send(channel, {"reason": None}, json.dumps(notes).encode() if notes else None)
    watchdog = watchdog_arguments and Watchdog(runner, watchdog_arguments)
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            if watchdog:
                watchdog.wait_for(channel.fileno())
            descriptors = _receive(channel)
            messages.send(channel, {"pid": _fork_orphan(channel, descriptors)})


def _receive(channel: socket.socket) -> list[int]:
    """Receive the descriptors of the next request. Raises EOFError when the runner is gone.

    The kernel drops descriptors that exceed this process's limit. The fork fails then, too, because
    it needs a few more descriptors.
    """
    data, descriptors, _, _ = socket.recv_fds(channel, 1, _MAX_DESCRIPTORS)
    if not data:
        raise EOFError
    return descriptors


def _fork_orphan(channel: socket.socket, descriptors: Sequence[int]) -> int:
    """Fork a process whose parent has exited; returns its pid, or minus an errno."""
    with contextlib.ExitStack() as resources:
        for descriptor in descriptors:
            resources.callback(os.close, descriptor)
        try:
            read, write = os.pipe()
            resources.callback(os.close, read)
            with open(write, "wb", buffering=0) as pid_pipe:
                intermediate = os.fork()
                if intermediate == 0:
                    channel.close()
                    os.close(read)
                    _fork_and_exit(pid_pipe, descriptors)
            os.waitpid(intermediate, 0)  # the runner is the parent now
            data = os.read(read, _PID.size)
        except OSError as error:
            return -(error.errno or errno.EAGAIN)
        return int(_PID.unpack(data)[0]) if data else -errno.ECHILD


def _fork_and_exit(pid_pipe: FileIO, descriptors: Sequence[int]) -> NoReturn:
    code = 1
    try:
        try:
            pid = os.fork()
        except OSError as error:
            pid = -(error.errno or errno.EAGAIN)
        if pid:
            pid_pipe.write(_PID.pack(pid))
            os._exit(0)
        processes.set_process_name("keeper")
        pid_pipe.close()
        code = run_child(descriptors)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)
