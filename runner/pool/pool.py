"""A pool of N processes that run calls and can be killed one by one.

    Pool ─▶ KeeperExecutor ─▶ keepers ──▶ one job process each
    (pool)   (executor)        (keeper/)  (job_process/)

A process has at most one pool. It uses the pool in its main thread, and starts no other processes
while the pool is open.
"""

import contextlib
import os
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import NamedTuple

from runner.pool.calls import Call, Calls, send_error_message
from runner.pool.executor import KeeperExecutor, require_main_thread
from runner.pool.fork.watchdog import WatchdogArguments, WatchdogSettings
from runner.pool.fork_server import ForkServer
from runner.pool.job_process.loop import Entry
from runner.pool.linux import processes
from runner.pool.linux.landlock import JobAccess
from runner.pool.linux.work_folders import RunnerFolder
from runner.pool.protocol.prefetch import MAX_PREFETCH
from runner.pool.protocol.python_internals import InheritedDescriptor
from runner.pool.protocol.setup import CallLimits, PoolArguments
from runner.pool.protocol.shared_memory import Lease, LoopCounter
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job_limits import OwnLimits
from storage.records.output import Piece

__all__ = ["AttemptOutcome", "Pool", "PoolError"]

_DEFAULTS = CallLimits()
_STOP_SECONDS = 1.0
"""How long the keepers of a broken executor may take to exit by themselves."""
_MAX_FAILED_STARTS = 5
"""The pool gives up after so many executors in a row whose keepers died before any was ready."""


class Collected(NamedTuple):
    """Everything that calls have sent since the last call of `Pool.collect`, by call id."""

    outcomes: list[tuple[str, AttemptOutcome]]
    """The calls that have ended. Their progress and output is complete."""
    progress: dict[str, str]
    """The newest progress of each call."""
    output: dict[str, list[Piece]]


class PoolError(Exception):
    """The keepers cannot be started: the entry cannot be loaded, or keepers die before that."""


@contextlib.contextmanager
def _pool_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PoolError(f"the keepers cannot be started: {error}") from error


class Pool:
    """Runs calls in processes, at most `size` at once, and kills any of them on demand."""

    def __init__(
        self,
        size: int,
        load: Callable[[], Entry],
        runner_folder: RunnerFolder,
        *,
        keep_fds: Collection[int] = (),
        limits: CallLimits = _DEFAULTS,
        watchdog: WatchdogSettings | None = None,
        access: JobAccess | None = None,
    ):
        """Load the entry, and start the keepers without waiting for them. Raises PoolError.

        `load` is pickled and called once, in the fork server, so that all later processes share
        the modules that it imports. `keep_fds` are lock files, not empty, that all processes of the
        pool hold. With `watchdog`, a call of `beat` must follow the one before it in time, or this
        process is killed. `access` says what calls may access; None: everything. `notes` has what
        the entry says about itself, in fields for lines of the log.
        """
        require_main_thread()
        self.size, self.limits = size, limits
        self._calls = Calls(limits)
        self._closed, self._failed_starts = False, 0
        self._runner_folder = runner_folder
        self.lease = Lease()
        """When it ends, the keepers end their calls as lost, even if this process is stopped."""
        arguments = PoolArguments(
            limits=limits,
            runner_pid=os.getpid(),
            lease=InheritedDescriptor(self.lease.descriptor),
            keep_fds=tuple(map(InheritedDescriptor, dict.fromkeys(keep_fds))),
            runner_folder=InheritedDescriptor(runner_folder.descriptor),
            runner_folder_path=str(runner_folder.path),
            shared_files=access.shared_files if access else None,
        )
        with _pool_errors(), contextlib.ExitStack() as resources:
            resources.callback(self.lease.close)
            self._event = EventFd()
            resources.callback(self._event.close)
            resources.callback(processes.set_subreaper, processes.set_subreaper())
            self._loop_counter = LoopCounter()
            resources.callback(self._loop_counter.close)
            watch = self._watch(watchdog)
            server = ForkServer(load, limits.env, arguments.keep_fds, watch, access)
            resources.callback(server.close)
            self.notes = server.notes
            on_broken = self._event.set
            self._new_executor = partial(KeeperExecutor, size, arguments, server, on_broken)
            self._executor = self._new_executor()
            self._resources = resources.pop_all()

    def _watch(self, settings: WatchdogSettings | None) -> WatchdogArguments | None:
        if settings is None:
            return None
        self._loop_counter.write_stacks_on_signal()
        count, stacks = map(InheritedDescriptor, self._loop_counter.descriptors)
        return WatchdogArguments(settings, (count, stacks))

    def beat(self) -> None:
        """Show that the loop of this process is running. The first call starts the watchdog."""
        self._loop_counter.count()

    def room(self, prefetch: int = 0) -> int:
        """Return how many more calls can be submitted.

        Each of them would start at once, or wait at a keeper as one of at most `prefetch` calls.
        """
        without_keeper = sum(call.channel is None for call in self._calls.unfinished.values())
        return max(0, self._executor.room(prefetch) - without_keeper)

    def submit(
        self,
        call_id: str,
        request: str,
        timeout: float | None,
        file: str | None = None,
        limits: OwnLimits | None = None,
        job_type: str = "",
        caller: str | None = None,
    ) -> None:
        """Run entry(request, report) in a job process, for at most `timeout` seconds.

        `limits` are the limits of the job by itself; each counts if it is narrower than the pool's
        limit. `job_type` decides what the call needs of its process: by default, one that has run
        calls of the same `caller` only. `file` is the name of the one
        shared file that the call may read. Its folder is `work_folders.FILE_FROM_WORK`, as seen
        from the working folder of the call.
        `call_id` names the call, and must never be used again. Raises PoolError; and ValueError if
        the pool is closed, too many calls wait, the id is in use, or the timeout is not above 0.
        """
        require_main_thread()
        calls = self._calls.unfinished
        if self._closed or len(calls) >= self.size * (1 + MAX_PREFETCH) or call_id in calls:
            raise ValueError(f"cannot take {call_id!r}: closed, too many wait, or it is known")
        if timeout is not None and not timeout > 0:
            raise ValueError(f"a timeout must be above zero, not {timeout}")
        given = call_id, request, timeout, file, limits, job_type, caller
        if self._executor.broken or not self._try_submit(*given):
            self._replace_executor()
            if not self._try_submit(*given):
                calls[call_id] = Call(call_id)
        self._update_event()

    def kill(self, call_id: str) -> bool:
        """Order the kill of a call. Returns False if the call is unknown or has ended.

        The outcome is collected like any other. The order should be repeated if the kill takes
        long: a signal may have stopped the keeper again.
        """
        known = self._calls.kill(call_id)
        if known:
            self._executor.resume_stopped_keepers()
            self._update_event()
        return known

    def collect(self) -> Collected:
        """Return the outcomes, the progress and the output of calls since the last call.

        It does not wait, except up to a second after a keeper was killed, because all keepers are
        replaced then. Raises PoolError.
        """
        self._receive()
        if self._executor.broken and not self._closed:
            self._replace_executor()
        calls = self._calls
        collected = Collected(calls.outcomes, calls.progress, calls.output)
        calls.outcomes, calls.progress, calls.output = [], {}, {}
        self._update_event()
        return collected

    def waiting(self, seconds: float) -> Iterator[str]:
        """Yield the prefetched calls that have waited at least this long, the oldest first."""
        return self._calls.waiting(seconds)

    def pids(self) -> dict[str, int]:
        """Return the job processes of the running calls, by call id."""
        self._receive()
        self._update_event()
        return self._calls.pids()

    def filenos(self) -> tuple[int, ...]:
        """Return descriptors to wait on: one is readable while there is something to collect.

        They change when keepers are replaced.
        """
        return self._event.fileno(), self._executor.fileno()

    def close(self, timeout: float = 5.0) -> None:
        """Kill all calls, stop all processes, and free all resources.

        Keepers get `timeout` seconds to exit by themselves. The outcomes of the killed calls can be
        collected afterwards.
        """
        if not self._closed:
            self._executor.stop(timeout, self._receive)
            self._calls.mark_all_lost()
            self._closed = True
            self._resources.close()

    def _replace_executor(self) -> None:
        """Stop a broken executor and all its calls, and start a new one. Raises PoolError."""
        require_main_thread()
        with _pool_errors():
            self._executor.stop(_STOP_SECONDS, self._receive)
            self._calls.mark_all_lost()
            self._runner_folder.discard_job_folders()
            self._check_failed_starts()
            self._executor = self._new_executor()

    def _check_failed_starts(self) -> None:
        """Raise PoolError if keepers have died too often before any of them was ready."""
        self._failed_starts = 0 if self._executor.is_ready else self._failed_starts + 1
        if self._failed_starts == _MAX_FAILED_STARTS:
            raise PoolError(f"the keepers died {_MAX_FAILED_STARTS} times before they were ready")

    def _try_submit(
        self,
        call_id: str,
        request: str,
        timeout: float | None,
        file: str | None,
        limits: OwnLimits | None,
        job_type: str,
        caller: str | None,
    ) -> bool:
        """Submit a call to the executor. Returns False if the executor is broken."""
        try:
            call = self._executor.submit(call_id, request, timeout, file, limits, job_type, caller)
            self._calls.unfinished[call_id] = call
        except ConnectionError:
            self._executor.mark_broken()
            return False
        except OSError as error:
            self._calls.mark_lost(Call(call_id), send_error_message(error))
        return True

    def _receive(self) -> None:
        """Handle all messages that keepers have sent."""
        for call, message in self._executor.receive():
            self._calls.handle(call, message)

    def _update_event(self) -> None:
        """Make the event readable exactly while there is something to collect."""
        if not self._closed:
            self._event.update(self._has_updates)

    def _has_updates(self) -> bool:
        calls = self._calls
        return bool(calls.outcomes or calls.progress or calls.output or self._executor.broken)


class EventFd:
    """A file descriptor to wait on, set by any thread and updated by its owner's thread."""

    def __init__(self) -> None:
        """Create an event that is not set. Raises OSError."""
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._is_set = False

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def set(self) -> None:
        """Make the descriptor readable. May be called in any thread."""
        self._is_set = True
        os.eventfd_write(self._descriptor, 1)

    def update(self, condition: Callable[[], bool]) -> None:
        """Make the descriptor readable if the condition is true, and not readable otherwise."""
        if self._is_set and not condition():
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._descriptor)
            self._is_set = False
        # Checked again after the read: another thread may have made the condition true meanwhile.
        if not self._is_set and condition():
            self.set()

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)
