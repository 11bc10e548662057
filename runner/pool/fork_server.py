"""The runner's side of the fork server: a process that has loaded the entry and forks the keepers.

Forked keepers share the loaded memory with it, and start within milliseconds.

    runner ──spawn──▶ fork server ──fork──▶ process that exits at once ──fork──▶ keeper
       └──────────────── becomes the parent of the orphan (subreaper) ─────────────┘

The fork server of multiprocessing is not used for two reasons. It takes orders from any process of
its user, including jobs. And it stays the parent of the processes that it forks, so that the runner
could signal a pid that already belongs to another process.
"""

import contextlib
import json
import multiprocessing
import os
import select
import signal
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from fnmatch import fnmatchcase

from runner.pool.fork import server_main
from runner.pool.fork.watchdog import WatchdogArguments
from runner.pool.job_process.loop import Entry
from runner.pool.linux import processes
from runner.pool.linux.landlock import JobAccess
from runner.pool.protocol import messages
from runner.pool.protocol.python_internals import InheritedDescriptor, start_tracker
from storage.records.json_values import Json

_RESUME_SECONDS = 0.1
_START_ATTEMPTS = 3
_NOT_LOADED = "the entry cannot be loaded"


class ForkServer:
    """Starts and uses a fork server. For the main thread: the server dies with its thread."""

    def __init__(
        self,
        load: Callable[[], Entry],
        env: Sequence[str],
        keep_fds: Sequence[InheritedDescriptor],
        watchdog: WatchdogArguments | None = None,
        access: JobAccess | None = None,
    ):
        """Start the fork server, and wait until it has loaded the entry.

        `env` names environment variables that it gets in addition to the list in
        `_ALLOWED`. `keep_fds` are descriptors that it holds. It ends this process if this process
        hangs and `watchdog` is set. `access` says what jobs may access; None: everything. Raises
        OSError, with the error of `load` if that failed.
        """
        self._load, self._env, self._watchdog, self._access = load, env, watchdog, access
        self._keep_fds = keep_fds
        self.pid = 0
        self.notes: list[Json] = []
        """What the entry has to say, from its attribute `notes`: fields for lines of the log."""
        self._start()

    def fork(self, descriptors: Sequence[int]) -> int:
        """Fork a process that becomes a child of this process; returns its pid.

        It gets copies of the descriptors, and calls `run_child` with them. This
        process must be a subreaper. A fork server that has died is replaced first. Raises OSError.
        """
        try:
            return self._request_fork(descriptors)
        except ConnectionError:
            self.close()
            self._start()
            return self._request_fork(descriptors)

    def close(self) -> None:
        """Kill the fork server. Processes that it has forked live on."""
        self._resources.close()

    def _start(self) -> None:
        """Start the fork server, again if it is killed before it has loaded the entry."""
        for attempts_left in reversed(range(_START_ATTEMPTS)):
            try:
                return self._start_once()
            except ConnectionError as error:
                if not attempts_left:
                    raise OSError(f"{_NOT_LOADED}: {error}") from None

    def _start_once(self) -> None:
        # The tracker must run before the signals are blocked below: starting it would unblock them.
        with reduced(self._env):
            start_tracker()
        channel, server_end = messages.new_channel()
        arguments = (
            os.getpid(),
            server_end,
            self._load,
            self._access,
            self._keep_fds,
            self._watchdog,
        )
        # Spawned, because the runner has threads: a fork could hang on a lock that one of them
        # holds. Keepers inherit the blocked signals until they have installed their handlers.
        spawn = multiprocessing.get_context("spawn")
        process = spawn.Process(
            target=server_main.serve, args=arguments, name=server_main.PROCESS_NAME
        )
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            with server_end, reduced(self._env):
                process.start()
        except OSError:
            channel.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._resources = contextlib.ExitStack()
        # An ExitStack calls the last one first.
        for close in (process.close, process.join, process.kill, channel.close):
            self._resources.callback(close)
        self._channel, self._process = channel, process
        self.pid = process.pid or 0
        self._wait_until_loaded()

    def _wait_until_loaded(self) -> None:
        try:
            reply = self._receive_reply()
        except ConnectionError:
            self.close()
            raise
        if (reason := reply.fields["reason"]) is not None:
            self.close()
            raise OSError(f"{_NOT_LOADED}: {reason}")
        self.notes = [] if reply.body is None else json.loads(messages.read_text(reply.body))

    def _request_fork(self, descriptors: Sequence[int]) -> int:
        if self._channel.fileno() < 0:
            raise ConnectionError(f"the {server_main.PROCESS_NAME} has ended")
        socket.send_fds(self._channel, [server_main.REQUEST], descriptors)
        pid = self._receive_reply().fields["pid"]
        if pid < 0:
            raise OSError(-pid, f"fork: {os.strerror(-pid)}")
        return int(pid)

    def _receive_reply(self) -> messages.Message:
        """Return the next message of the fork server. Raises ConnectionError if it is dead."""
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        while not poll.poll(_RESUME_SECONDS * 1000):
            processes.send_signal(self.pid, signal.SIGCONT)  # in case a signal has stopped it
        try:
            message = messages.receive(self._channel)
        except EOFError:
            self._process.join()
            code = self._process.exitcode or 0
            exit_text = processes.describe_exit(code)
            raise ConnectionError(f"the {server_main.PROCESS_NAME} {exit_text}") from None
        assert message is not None
        return message


_ALLOWED = ("PATH", "LANG", "LANGUAGE", "LC_*", "TZ", "PYTHON*", "LD_LIBRARY_PATH")


def is_allowed(name: str, extra: Collection[str]) -> bool:
    """Return whether jobs get a variable: one that most programs need, or one named in `extra`."""
    return name in extra or any(fnmatchcase(name, pattern) for pattern in _ALLOWED)


@contextlib.contextmanager
def reduced(extra: Collection[str]) -> Iterator[None]:
    """Start programs within this block with only the allowed variables.

    The worker's environment contains the database URL and tokens, which jobs must not see. The
    kernel shows the initial environment of a process in /proc for as long as it lives, so it must
    never contain them.

    The variables of this process are removed during the block, so other threads must not read them
    meanwhile.
    """
    before = dict(os.environb)
    for name in list(os.environ):
        if not is_allowed(name, extra):
            del os.environ[name]
    try:
        yield
    finally:
        os.environb.update(before)
