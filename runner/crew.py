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
import socket
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any

from runner import keeper, messages, processes
from runner.job_loop import Entry
from runner.setup import SLOT_NUMBER, Inherited, Limits, Setup

_AGAIN_SECONDS = 0.1
_STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}


class Crew:
    """A keeper for each slot. Only the main thread may make it and use it, since keepers die with
    the thread that starts them."""

    def __init__(
        self,
        size: int,
        load: Callable[[], Entry],
        limits: Limits,
        keep: Collection[int],
        on_break: Callable[[], None],
    ):
        """Start the keepers, without waiting for them. Raises OSError.

        `on_break` is called when the crew is of no use any more, and has to be ended: sometimes
        in another thread, so it must do no more than to note that.
        """
        # Started later, it would unblock the signals that a keeper has to be born without.
        resource_tracker.ensure_running()
        self._strangers = processes.children_of(os.getpid())
        self._on_break = on_break
        self._size = size
        self._ended = False
        self.ready = False
        self.load_error: str | None = None
        self._channels: dict[int, socket.socket] = {}
        self._keepers: dict[int, BaseProcess] = {}
        with contextlib.ExitStack() as held:
            self._readable = held.enter_context(select.epoll())
            setup = self._set_up(held, load, limits, keep)
            # Not forked: the runner has threads, and a fork may hang on what they hold.
            spawn = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(size, spawn, keeper.start, (setup,))
            self._held = held.pop_all()
        self._start()

    def submit(self, token: str, request: str, timeout: float | None) -> None:
        """Give a call to the next free keeper.

        Raises RuntimeError if the executor has refused it, being broken; OSError if a keeper
        could not be started, while the call may be on its way to another one.
        """
        self._submit(keeper.run, token, request, timeout)

    def fileno(self) -> int:
        """Readable while there is news, or a keeper is dead; -1 after the end."""
        return -1 if self._readable.closed else self._readable.fileno()

    def news(self) -> Iterator[tuple[socket.socket, messages.Message]]:
        """What the keepers have sent of calls, each with the channel that it came by."""
        ready = [] if self._readable.closed else self._readable.poll(0)
        for descriptor, _ in ready:
            # The executor sees the death of a keeper as well, but tells only by way of a call.
            if descriptor in self._keepers:
                self._on_break()
            else:
                yield from self._news_of(self._channels[descriptor])

    def _news_of(self, channel: socket.socket) -> Iterator[tuple[socket.socket, messages.Message]]:
        while (message := messages.receive(channel)) is not None:
            match message.fields["kind"]:
                case "ready":
                    self.ready = True
                case "load_failed":
                    self.load_error = message.fields["reason"]
                case _:
                    yield channel, message

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
        processes.kill_below(spare=self._strangers)
        self._ended = True

    def _set_up(
        self,
        held: contextlib.ExitStack,
        load: Callable[[], Entry],
        limits: Limits,
        keep: Collection[int],
    ) -> Setup:
        """Make the channels and the pipe of slots, and what the keepers are given of them."""
        channels = []
        for _ in range(self._size):
            ours, theirs = map(held.enter_context, messages.channel())
            self._channels[ours.fileno()] = ours
            self._readable.register(ours, select.EPOLLIN)
            channels.append(Inherited(theirs.fileno()))
        read, write = os.pipe()
        held.callback(os.close, read)
        with open(write, "wb") as slots:
            slots.write(b"".join(map(SLOT_NUMBER.pack, range(self._size))))
        kept = tuple(Inherited(descriptor) for descriptor in dict.fromkeys(keep))
        return Setup(load, limits, os.getpid(), Inherited(read), tuple(channels), kept)

    def _start(self) -> None:
        try:
            for _ in range(self._size):
                self._submit(keeper.show_up)
        except OSError:
            self.end(0.0, lambda: None)
            raise

    def _submit(self, function: Callable[..., None], *arguments: object) -> None:
        """Submit to the executor, which may start a keeper by it: one that no Ctrl-C disturbs."""
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        try:
            future = self._executor.submit(function, *arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        future.add_done_callback(self._look_at)
        if len(self._keepers) < self._size:
            self._note_keepers()

    def _note_keepers(self) -> None:
        """Watch the keepers that were started since last time, to see when they die."""
        for process in multiprocessing.active_children():
            sentinel = process.sentinel
            if process.pid not in self._strangers and sentinel not in self._keepers:
                self._keepers[sentinel] = process
                self._readable.register(sentinel, select.EPOLLIN)

    def _look_at(self, future: Future[Any]) -> None:
        if future.exception() is not None:
            self._on_break()
