"""The keepers of a pool: one executor, with the channels to its workers.

Imports nothing of ours but the pool's.

An executor that has lost one worker takes no more calls, and what the worker held is not to be
trusted. So a crew is ended as a whole, and replaced by a new one.
"""

import contextlib
import multiprocessing
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any

from runner.pool.channel import KeeperChannel
from runner.pool.fork.context import ForkContext
from runner.pool.fork_server import ForkServer
from runner.pool.keeper import keeper
from runner.pool.linux import proc, processes
from runner.pool.protocol import messages
from runner.pool.protocol.begun_calls import new_begun_calls
from runner.pool.protocol.prefetch import MOST_AHEAD
from runner.pool.protocol.setup import (
    SLOT_NUMBER,
    InheritedDescriptor,
    KeeperArguments,
    PoolArguments,
)

_AGAIN_SECONDS = 0.1


def require_main_thread() -> None:
    """Raise RuntimeError in any other: a keeper dies with the thread that has started it."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a pool is for the main thread only")


class KeeperExecutor:
    """A keeper for each slot. Only the main thread may make it and use it, since keepers die with
    the thread that starts them."""

    def __init__(
        self, size: int, given: PoolArguments, server: ForkServer, on_break: Callable[[], None]
    ):
        """Start the keepers, without waiting for them. Raises OSError.

        `on_break` is called when the crew is of no use any more, and has to be ended: sometimes
        in another thread, so it must do no more than to note that.
        """
        self._server = server
        self._others = proc.children_of(os.getpid())
        self._on_break = on_break
        self._size = size
        self.broken = self._ended = False
        self._links: dict[int, KeeperChannel] = {}
        self._keepers: dict[int, BaseProcess] = {}
        with contextlib.ExitStack() as held:
            self._readable = held.enter_context(select.epoll())
            setup = self._set_up(held, given)
            forks = ForkContext(server.fork)
            self._executor = ProcessPoolExecutor(size, forks, keeper.start, (setup,))
            self._held = held.pop_all()
        self._start()

    @property
    def is_ready(self) -> bool:
        """Whether any keeper has forked its job process."""
        return any(link.ready for link in self._links.values())

    def room(self, ahead: int) -> int:
        """How many more calls may be submitted, if so many may wait behind one that runs."""
        return sum(link.room(ahead) for link in self._links.values())

    def submit(self, token: str, request: str, timeout: float | None) -> KeeperChannel:
        """Give a call to the keeper that has the least to do, if possible one that is ready.

        Raises ConnectionError if that keeper is dead, any other OSError if the call is not sent.
        """
        links = self._links.values()
        link = min(links, key=lambda each: (not each.room(MOST_AHEAD), len(each), not each.ready))
        link.send(token, request.encode("utf-8", "surrogatepass"), timeout)
        return link

    def fileno(self) -> int:
        """Readable while there is news, or a keeper is dead; -1 after the end."""
        return -1 if self._readable.closed else self._readable.fileno()

    def news(self) -> Iterator[messages.Message]:
        """What the keepers have sent of calls."""
        ready = [] if self._readable.closed else self._readable.poll(0)
        for descriptor, _ in ready:
            # The executor sees the death of a keeper as well, but tells only by way of a call.
            if descriptor in self._keepers:
                self.note_break()
            else:
                yield from self._news_of(self._links[descriptor])

    def _news_of(self, link: KeeperChannel) -> Iterator[messages.Message]:
        while (message := messages.receive(link.channel)) is not None:
            link.heard(message)
            if message.fields["kind"] != "ready":
                yield message
        yield from link.go_on()

    def note_break(self) -> None:
        """It is of no use any more. Called in any thread."""
        self.broken = True
        self._on_break()

    def thaw(self) -> None:
        """Let all keepers go on that somebody has stopped: those heed no order. The others are left
        to sleep, or to work."""
        self._note_keepers()
        for process in self._keepers.values():
            if process.pid is not None and processes.is_stopped(process.pid):
                processes.send_signal(process.pid, signal.SIGCONT)

    def end(self, patience: float, meanwhile: Callable[[], None]) -> None:
        """End all keepers and every process below, however it got there; wait until all are gone.

        Keepers get `patience` seconds to do it themselves; `meanwhile` is called when they have
        sent something, so that none waits to be heard.
        """
        if self._ended:
            return
        self._note_keepers()
        alive, until = dict(self._keepers), time.monotonic() + patience
        while alive and time.monotonic() < until:
            for process in alive.values():
                process.terminate()  # again: a keeper that is starting may have to drop the first
            self.thaw()
            for descriptor, _ in self._readable.poll(_AGAIN_SECONDS):
                if alive.pop(descriptor, None):
                    self._readable.unregister(descriptor)
            meanwhile()
        for process in self._keepers.values():
            process.kill()
        self._executor.shutdown()
        meanwhile()
        self._keepers.clear()  # each holds two descriptors
        self._held.close()
        # Last, since it has to open files: the runner may have no descriptor left.
        processes.kill_below(spare=self._strangers())
        self._ended = True

    def _set_up(self, held: contextlib.ExitStack, given: PoolArguments) -> KeeperArguments:
        """Make channels, marks and the pipe of slots, and what the keepers are given of them."""
        channels, marks = [], held.enter_context(new_begun_calls(self._size))
        for slot in range(self._size):
            ours, theirs = map(held.enter_context, messages.channel())
            self._links[ours.fileno()] = KeeperChannel(ours, partial(marks.begun, slot))
            self._readable.register(ours, select.EPOLLIN)
            channels.append(InheritedDescriptor(theirs.fileno()))
        read, write = os.pipe()
        held.callback(os.close, read)
        with open(write, "wb") as slots:
            slots.write(b"".join(map(SLOT_NUMBER.pack, range(self._size))))
        return KeeperArguments(
            given.limits,
            os.getpid(),
            InheritedDescriptor(read),
            tuple(channels),
            InheritedDescriptor(marks.descriptor),
            InheritedDescriptor(given.lease.descriptor),
            tuple(InheritedDescriptor(descriptor) for descriptor in given.keep),
            InheritedDescriptor(given.work.descriptor),
            str(given.work.path),
        )

    def _start(self) -> None:
        """Have the executor start all keepers."""
        begun: list[Future[Any]] = []
        try:
            for _ in range(self._size):
                begun.append(self._executor.submit(keeper.serve))
                begun[-1].add_done_callback(lambda _: self.note_break())  # none ends by itself
                self._note_keepers()
        except (RuntimeError, OSError) as error:
            # The executor closes, in its own thread, when one is dead before all are started.
            if isinstance(error, OSError) and not any(future.done() for future in begun):
                self.end(0.0, lambda: None)
                raise
            self.note_break()

    def _note_keepers(self) -> None:
        """Watch the keepers that were started since last time, to see when they die."""
        strangers = self._strangers()
        for process in multiprocessing.active_children():
            sentinel = process.sentinel
            if process.pid not in strangers and sentinel not in self._keepers:
                self._keepers[sentinel] = process
                self._readable.register(sentinel, select.EPOLLIN)

    def _strangers(self) -> set[int]:
        """The children of this process that are no keepers, nor below them."""
        return {*self._others, self._server.pid}
