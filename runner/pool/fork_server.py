"""A process that has loaded the entry, and forks the keepers: they share what is loaded, and start
within milliseconds.

    runner ──spawn──▶ fork server ──fork──▶ process that ends at once ──fork──▶ keeper
       └──────────────── adopts it, since it is an orphan: its parent from now on ──┘

Why not the fork server of multiprocessing: that takes orders from any process of its user, jobs
included, and stays the parent of what it forks, so that the runner would signal ids that may be
another process's by then. Imports nothing of ours but the pool's.
"""

import contextlib
import multiprocessing
import os
import select
import signal
import socket
from collections.abc import Callable, Iterable, Sequence
from multiprocessing import resource_tracker
from typing import Any

from runner.pool.fork import environment
from runner.pool.fork import server as forking
from runner.pool.job_process.loop import Entry
from runner.pool.linux import processes
from runner.pool.protocol import messages
from runner.pool.protocol.setup import InheritedDescriptor

_AGAIN_SECONDS = 0.1
_TRIES = 3
_NOT_LOADED = "the entry cannot be loaded"


class ForkServer:
    """The runner's end. For its main thread: the server dies with the thread that started it."""

    def __init__(self, load: Callable[[], Entry], env: Sequence[str], keep: Iterable[int]):
        """Start it, and wait until it has loaded. Raises OSError, with what the load has raised.

        `env` names variables that it gets besides those of runner/pool/fork/environment.py; it holds the
        descriptors `keep` as well."""
        self._load, self._env = load, env
        self._keep = tuple(InheritedDescriptor(descriptor) for descriptor in keep)
        self.pid = 0
        """Its process."""
        self._start()

    def fork(self, descriptors: Sequence[int]) -> int:
        """Fork a child of this process, which must adopt orphans; returns its id. It becomes what
        comes through the first descriptor, see `forked.become`; it has copies of all. Raises
        OSError."""
        try:
            return self._ask(descriptors)
        except ConnectionError:
            self.close()
            self._start()
            return self._ask(descriptors)

    def close(self) -> None:
        """End it. What it has forked lives on."""
        self._held.close()

    def _start(self) -> None:
        """Start it; again, if it dies before it has loaded: it may have been killed."""
        for tries_left in reversed(range(_TRIES)):
            try:
                return self._start_once()
            except ConnectionError as error:
                if not tries_left:
                    raise OSError(f"{_NOT_LOADED}: {error}") from None

    def _start_once(self) -> None:
        # Started later, the tracker would unblock the signals that keepers are born without.
        with environment.reduced(self._env):
            resource_tracker.ensure_running()
        channel, theirs = messages.channel()
        arguments = (os.getpid(), theirs, self._load, self._keep)
        # Not forked: the runner has threads, and a fork may hang on what they hold.
        spawn = multiprocessing.get_context("spawn")
        process = spawn.Process(target=forking.serve, args=arguments, name=forking.NAME)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            with theirs, environment.reduced(self._env):
                process.start()
        except OSError:
            channel.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._held = contextlib.ExitStack()
        for end in (process.close, process.join, process.kill, channel.close):  # from the last on
            self._held.callback(end)
        self._channel, self._process = channel, process
        self.pid = process.pid or 0
        self._await_loaded()

    def _await_loaded(self) -> None:
        try:
            reason = self._answer()["reason"]
        except ConnectionError:
            self.close()
            raise
        if reason is not None:
            self.close()
            raise OSError(f"{_NOT_LOADED}: {reason}")

    def _ask(self, descriptors: Sequence[int]) -> int:
        if self._channel.fileno() < 0:
            raise ConnectionError(f"the {forking.NAME} has ended")
        left = list(descriptors)
        while left:
            some, left = left[: forking.AT_ONCE], left[forking.AT_ONCE :]
            socket.send_fds(self._channel, [forking.MORE if left else forking.LAST], some)
        answer = self._answer()["pid"]
        if answer < 0:
            raise OSError(-answer, f"fork: {os.strerror(-answer)}")
        return int(answer)

    def _answer(self) -> dict[str, Any]:
        """What it says next. Raises ConnectionError if it is dead."""
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        while not poll.poll(_AGAIN_SECONDS * 1000):
            processes.send_signal(self.pid, signal.SIGCONT)  # somebody may have stopped it
        try:
            message = messages.receive(self._channel)
        except EOFError:
            self._process.join()
            code = self._process.exitcode or 0
            raise ConnectionError(f"the {forking.NAME} {processes.in_words(code)}") from None
        assert message is not None
        return message.fields
