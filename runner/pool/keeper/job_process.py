"""A job process, as seen by its keeper."""

import contextlib
import math
import os
import select
import signal
import socket
import sys
from collections.abc import Collection

from runner.pool.job_process import loop as job_loop
from runner.pool.keeper import oom_kills
from runner.pool.keeper.stray_processes import StrayProcesses
from runner.pool.linux import proc, processes
from runner.pool.linux.kill_tree import ProcessUsage, kill_descendants
from runner.pool.linux.limits import cpu_clock
from runner.pool.protocol import answers, messages
from runner.pool.protocol.output import OutputPipe
from runner.pool.protocol.setup import CallLimits


class LateMessage(ValueError):
    """A message about the previous call, whose answer was received before."""


class JobProcess:
    """A process forked from the keeper. It runs one call after the other until it is killed."""

    def __init__(
        self,
        entry: job_loop.Entry,
        keep_fds: Collection[int],
        limits: CallLimits,
        runner_folder_path: str,
        confinement: job_loop.Confinement = job_loop.UNCONFINED,
    ):
        """Fork the process. Raises OSError.

        `keep_fds` are lock files that it holds, but without a descriptor. `runner_folder_path` is
        the path of the folder that contains the folders of all calls.
        """
        self.calls = 0
        self.limits = limits.job
        self._max_result_bytes = limits.max_result_bytes
        self._poll = select.poll()
        self._nonce = self._previous_nonce = ""
        """The nonces of the last call and of the one before it."""
        self._recorded_cpu_seconds = self._cpu_clock_at_call = 0.0
        self._memory_bytes = self._oom_kills_before_call = 0
        with contextlib.ExitStack() as resources:
            self.output = OutputPipe(limits.log_bytes)
            resources.callback(self.output.close)
            self.channel, job_end = messages.new_channel()
            resources.callback(self.channel.close)
            self._poll.register(self.channel, select.POLLIN)
            with job_end:
                limited_entry = job_loop.LimitedEntry(
                    entry,
                    limits.max_result_bytes,
                    limits.job,
                    self.output.write_end,
                    runner_folder_path,
                    confinement,
                )
                self.pid = self._fork(job_end, keep_fds, limited_entry)
            try:
                self._stray_processes = StrayProcesses(self.pid)
            except OSError:
                self.channel.close()
                kill_descendants()
                raise
            resources.pop_all()

    @staticmethod
    def _fork(
        job_end: socket.socket, keep_fds: Collection[int], limited_entry: job_loop.LimitedEntry
    ) -> int:
        keeper = os.getpid()
        sys.stdout.flush()  # the new process would print buffered text again
        sys.stderr.flush()
        # The new process must not run the keeper's handlers before it has reset them.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCONT})
        try:
            pid = os.fork()
            if pid == 0:
                job_loop.run_job_process(keeper, job_end, keep_fds, limited_entry)
            return pid
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def send_call(self, request: str, timeout: float | None, folder: str) -> None:
        """Send a call to the process. If the process has just died, its exit code will show it.

        `folder` is the name of the call's folder, not its path: a path need not be valid UTF-8,
        which the fields of a message must be.
        """
        body = request.encode("utf-8", "surrogatepass")
        self._oom_kills_before_call = oom_kills.count()
        if self.limits.cpu_seconds is not None:
            self._cpu_clock_at_call = cpu_clock(self.pid)
        with contextlib.suppress(ConnectionError):
            self._previous_nonce, self._nonce = self._nonce, answers.new_nonce()
            fields = {"nonce": self._nonce, "timeout": timeout, "folder": folder}
            messages.send(self.channel, fields, body)
        self.calls += 1

    def receive(self) -> str | answers.Answer | None:
        """Return the next progress, as JSON text, or the answer; None if there is none yet.

        Raises EOFError once the process can send nothing more, and ValueError for a message that an
        honest process would not send: LateMessage if the previous call is to blame.
        """
        message = messages.receive(self.channel)
        if message and message.fields.get("nonce") == self._previous_nonce != "":
            messages.drop(message.body)
            raise LateMessage
        return message and answers.read(message, self._nonce, self._max_result_bytes)

    def has_sent_more(self) -> bool:
        """Return whether the process has sent anything after its last answer, or can send nothing
        more. An honest process does neither."""
        return bool(self._poll.poll(0))

    def exit_code(self) -> int | None:
        """Return the exit code, as `processes.exit_code` does; None while the process lives."""
        return processes.exit_code(self.pid)

    def over_cpu_limit(self) -> float:
        """Return by how many seconds the call exceeds its limit of CPU time; negative if below."""
        if self.limits.cpu_seconds is None:
            return -math.inf
        return cpu_clock(self.pid) - self._cpu_clock_at_call - self.limits.cpu_seconds

    def memory_ran_out(self) -> bool:
        """Return whether the OOM killer has killed any process since the call was sent."""
        return oom_kills.count() > self._oom_kills_before_call

    def has_stray_processes(self) -> bool:
        """Return whether a process or thread that the last call started is still running."""
        return self._stray_processes.exist()

    def needs_replacement(self, max_calls: int, max_bytes: int) -> bool:
        """Return whether the process has run `max_calls` calls or holds more than `max_bytes`."""
        return self.calls >= max_calls or self._memory_bytes > max_bytes

    def record_usage(self, answer: answers.Answer) -> ProcessUsage:
        """Record and return the usage that a call reports in its answer.

        `kill` subtracts the recorded CPU time from the total of the process.
        """
        self._recorded_cpu_seconds += answer.cpu_seconds
        self._memory_bytes = answer.memory_bytes
        return ProcessUsage(answer.cpu_seconds, answer.peak_memory_bytes)

    def kill(self) -> ProcessUsage:
        """Kill the process and all other descendants of the keeper.

        Returns the usage since the last answer. If the process had already died, the peak memory is
        the peak over all its calls.
        """
        peak, _ = proc.memory_of(self.pid)
        # The kernel signals a process group atomically, so that a fork bomb cannot outrun it.
        processes.send_signal(self.pid, signal.SIGKILL, group=True)
        self.channel.close()
        self._stray_processes.close()
        usage = kill_descendants()
        self.output.close()
        cpu_seconds = max(0.0, usage.cpu_seconds - self._recorded_cpu_seconds)
        return ProcessUsage(cpu_seconds, peak or usage.peak_memory_bytes)
