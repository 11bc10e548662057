"""The keepers of a pool: the processes of one ProcessPoolExecutor, with a channel to each.

A ProcessPoolExecutor that has lost a process accepts no calls, and its queues may be corrupt. So
when one keeper dies, all keepers are stopped, and a new executor replaces the old one.
"""

import contextlib
import logging
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

from runner.pool.calls import Call, KeeperChannel
from runner.pool.fork_server import ForkServer
from runner.pool.keeper import keeper
from runner.pool.linux import processes, semaphores
from runner.pool.linux.processes import kill_descendants
from runner.pool.protocol import messages
from runner.pool.protocol.prefetch import MAX_PREFETCH
from runner.pool.protocol.python_internals import ForkContext, InheritedDescriptor
from runner.pool.protocol.setup import KeeperArguments, NextSlot, PoolArguments
from runner.pool.protocol.shared_memory import BegunCalls
from storage.records.job_limits import OwnLimits

log = logging.getLogger(__name__)

_MAX_MESSAGES = 1000
"""How many messages of one keeper are received at once, so that none keeps the others waiting."""
_RETRY_SECONDS = 0.1
"""How often SIGTERM is sent again to keepers that are to stop."""


def require_main_thread() -> None:
    """Raise RuntimeError outside the main thread. Keepers die with the thread that started them."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a pool is for the main thread only")


class KeeperExecutor:
    """One keeper for each slot. To be created and used by the main thread only."""

    def __init__(
        self,
        size: int,
        arguments: PoolArguments,
        server: ForkServer,
        on_broken: Callable[[], None],
    ):
        """Start the keepers without waiting for them. Raises OSError.

        `on_broken` is called when the executor has become unusable and must be stopped. That may
        happen in another thread, so it should only record the fact.
        """
        self._server = server
        self._older_children = processes.children_of(os.getpid())
        """The child processes that existed before the keepers."""
        self._on_broken = on_broken
        self._size = size
        self.broken = self._stopped = False
        self._channels: dict[int, KeeperChannel] = {}
        self._keepers: dict[int, BaseProcess] = {}
        """The keepers by their sentinels: descriptors that are readable after their end."""
        with contextlib.ExitStack() as resources:
            self._epoll = resources.enter_context(select.epoll())
            keeper_arguments = (self._open_channels(resources, arguments),)
            context = ForkContext(server.fork)
            before = semaphores.semaphore_files()
            self._process_pool = ProcessPoolExecutor(size, context, keeper.start, keeper_arguments)
            self._semaphore_files = semaphores.semaphore_files() - before
            """Those that jobs could still open."""
            self._resources = resources.pop_all()
        self._start()

    @property
    def is_ready(self) -> bool:
        """Whether any keeper has forked its job process."""
        return any(channel.is_ready for channel in self._channels.values())

    def room(self, prefetch: int) -> int:
        """Return how many more calls may be submitted if `prefetch` may wait at each keeper."""
        return sum(channel.room(prefetch) for channel in self._channels.values())

    def submit(
        self,
        call_id: str,
        request: str,
        timeout: float | None,
        file: str | None,
        limits: OwnLimits | None = None,
        job_type: str = "",
        caller: str | None = None,
    ) -> Call:
        """Send a call to an idle keeper, or else to one whose last call is of the same caller, and
        of these to the one with the fewest calls. Ready keepers come first. Among idle keepers, the
        ones that last served the same caller or none come first.

        Raises ConnectionError if the keeper is dead, and any other
        OSError if the call cannot be sent.
        """
        channel = min(
            self._channels.values(),
            key=lambda each: (
                not each.room(MAX_PREFETCH),
                bool(each.calls) and 1 + (each.last_caller != caller),
                len(each.calls),
                not each.is_ready,
                each.last_caller != caller,
                each.last_caller is not None,
            ),
        )
        body = request.encode("utf-8", "surrogatepass")
        return channel.send(call_id, body, timeout, file, limits, job_type, caller)

    def fileno(self) -> int:
        """Return a descriptor that is readable while a keeper has sent messages or has died.

        Returns -1 after `stop`.
        """
        return -1 if self._epoll.closed else self._epoll.fileno()

    def receive(self) -> Iterator[tuple[Call, messages.Message]]:
        """Yield the messages about calls that keepers have sent."""
        ready = [] if self._epoll.closed else self._epoll.poll(0)
        for descriptor, _ in ready:
            # The ProcessPoolExecutor notices dead keepers, too, but reports them only by failing
            # a call.
            if descriptor in self._keepers:
                self.mark_broken()
            else:
                yield from self._receive_from(self._channels[descriptor])
        if self._semaphore_files and all(each.is_ready for each in self._channels.values()):
            semaphores.replace_by_decoys(self._semaphore_files)
            self._semaphore_files.clear()

    def _receive_from(self, channel: KeeperChannel) -> Iterator[tuple[Call, messages.Message]]:
        for _ in range(_MAX_MESSAGES):
            try:
                message = messages.receive(channel.socket)
            except (EOFError, ValueError) as error:
                log.error("a keeper sent no message", extra={"reason": str(error)})
                return self.mark_broken()
            if message is None:
                break
            if call := channel.find_call(message):
                yield call, message
        yield from channel.send_unsent()

    def mark_broken(self) -> None:
        """Record that the executor has become unusable. May be called in any thread."""
        self.broken = True
        self._on_broken()

    def resume_stopped_keepers(self) -> None:
        """Send SIGCONT to keepers that a signal has stopped, as these process no orders.

        Other keepers are not signaled: it would wake them.
        """
        self._watch_new_keepers()
        for process in self._keepers.values():
            if process.pid is not None and processes.is_stopped(process.pid):
                processes.send_signal(process.pid, signal.SIGCONT)

    def stop(self, timeout: float, receive: Callable[[], None]) -> None:
        """Stop all keepers and kill all their descendants; waits until all are gone.

        Keepers get `timeout` seconds to exit by themselves. Meanwhile `receive` is called to
        receive their messages, so that none of them waits for a full channel.
        """
        if self._stopped:
            return
        self._watch_new_keepers()
        alive, deadline = dict(self._keepers), time.monotonic() + timeout
        while alive and time.monotonic() < deadline:
            for process in alive.values():
                process.terminate()  # repeatedly: a keeper that is starting may ignore the first
            self.resume_stopped_keepers()
            for descriptor, _ in self._epoll.poll(_RETRY_SECONDS):
                if alive.pop(descriptor, None):
                    self._epoll.unregister(descriptor)
            receive()
        for process in self._keepers.values():
            assert process.pid
            # First what its keeper would end, in case that this process is killed before the end.
            with contextlib.suppress(OSError):  # too few descriptors
                processes.kill_below(process.pid)
            process.kill()
        self._process_pool.shutdown()
        receive()
        self._keepers.clear()  # each holds two descriptors
        self._resources.close()
        # Last, because it opens files, and the runner may have had no free descriptor before.
        kill_descendants(exclude=self._unrelated_children())
        self._stopped = True

    def _open_channels(
        self, resources: contextlib.ExitStack, arguments: PoolArguments
    ) -> KeeperArguments:
        """Create channels and shared memory; returns the keepers' arguments."""
        keeper_ends, begun_calls = [], BegunCalls(self._size)
        resources.callback(begun_calls.close)
        for slot in range(self._size):
            end, keeper_end = map(resources.enter_context, messages.new_channel())
            self._channels[end.fileno()] = KeeperChannel(end, partial(begun_calls.last, slot))
            self._epoll.register(end, select.EPOLLIN)
            keeper_ends.append(keeper_end.fileno())
        shared = InheritedDescriptor(begun_calls.descriptor)
        return KeeperArguments(arguments, NextSlot(keeper_ends), shared)

    def _start(self) -> None:
        """Start all keepers, as calls of the ProcessPoolExecutor that never return."""
        started: list[Future[Any]] = []
        try:
            for _ in range(self._size):
                started.append(self._process_pool.submit(keeper.serve))
                started[-1].add_done_callback(lambda _: self.mark_broken())
                self._watch_new_keepers()
        except (RuntimeError, OSError) as error:
            # If a keeper dies before all are started, a thread of the ProcessPoolExecutor closes
            # it, and the next submit fails. An error without a dead keeper is a failed start.
            if isinstance(error, OSError) and not any(future.done() for future in started):
                self.stop(0.0, lambda: None)
                raise
            self.mark_broken()

    def _watch_new_keepers(self) -> None:
        """Watch for the end of the keepers that were started since the last call."""
        unrelated = self._unrelated_children()
        for process in multiprocessing.active_children():
            sentinel = process.sentinel
            if process.pid not in unrelated and sentinel not in self._keepers:
                self._keepers[sentinel] = process
                self._epoll.register(sentinel, select.EPOLLIN)

    def _unrelated_children(self) -> set[int]:
        """Return the children of this process that are neither keepers nor their descendants."""
        return {*self._older_children, self._server.pid}
