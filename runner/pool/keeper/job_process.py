"""A job process, as seen by its keeper: its calls, its answers, and what it leaves behind."""

import contextlib
import functools
import math
import os
import select
import signal
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from runner.pool.job_process import loop
from runner.pool.linux import namespaces, processes
from runner.pool.linux.cgroups import SlotCgroup
from runner.pool.linux.file_modes import ModeChanges
from runner.pool.linux.namespaces import View
from runner.pool.linux.processes import ProcessUsage, kill_descendants
from runner.pool.protocol import answers, messages
from runner.pool.protocol.output import OutputPipes
from runner.pool.protocol.setup import USUAL, CallLimits, JobLimits, Needs, kept_bytes
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job_limits import OwnLimits

_READ_BYTES = 65536
_OOM_FIELD = b"oom_kill"
_SYSTEM_COUNTER = Path("/proc/vmstat")


class LateMessage(ValueError):
    """A message about the previous call, whose answer was received before."""


class JobProcess:
    """A process forked from the keeper. It runs one call after the other until it is killed."""

    _group: str | None = None
    """The group of the calls that it has run, see `Needs`."""

    def __init__(
        self,
        entry: loop.Entry,
        keep_fds: Collection[int],
        limits: CallLimits,
        runner_folder_path: str,
        confinement: loop.Confinement = loop.UNCONFINED,
        network: bool = True,
        cgroup: SlotCgroup | None = None,
    ):
        """Fork the process. Raises OSError.

        `keep_fds` are lock files that it holds, but without a descriptor. `runner_folder_path` is
        the path of the folder that contains the folders of all calls.
        """
        self.calls = 0
        self.limits, self.job_limits = limits, limits.job
        self._is_used_up, self.network, self._cgroup = False, network, cgroup
        if not network:
            confinement = replace(confinement, network=False)
        self._nonce = self._previous_nonce = ""
        """The nonces of the last call and of the one before it."""
        self._answered_cpu_seconds = self._cpu_clock_at_call = 0.0
        self._memory_bytes = self._oom_kills_before_call = self._refusals_before_call = 0
        with contextlib.ExitStack() as resources:
            self.output = OutputPipes(limits.log_bytes)
            resources.callback(self.output.close)
            self.channel, job_end = messages.new_channel()
            resources.callback(self.channel.close)
            self._poll = select.poll()
            self._poll.register(self.channel, select.POLLIN)
            self.modes = _mode_changes(confinement, resources)
            with job_end:
                arguments = (
                    *(job_end, keep_fds, entry, limits, self.output.ends, runner_folder_path),
                    *(confinement, self.modes.job_end if self.modes else None),
                )
                self.pid = _fork(lambda keeper: loop.run_job_process(keeper, *arguments))
            resources.callback(kill_descendants)
            if cgroup:
                cgroup.add(self.pid)  # it runs no code of a job before its first call
                cgroup.limit(*limits.job.of_group())
            self._stray_processes = StrayProcesses(self.pid)
            self._memory = OwnMemory(self.pid, confinement.view)
            resources.pop_all()

    def send_call(
        self,
        request: str,
        timeout: float | None,
        folder: str,
        own: OwnLimits | None = None,
        needs: Needs = USUAL,
    ) -> None:
        """Send a call to the process. If the process has just died, its exit code will show it.

        `folder` is the name of the call's folder, not its path: a path need not be valid UTF-8,
        which the fields of a message must be. `own` are the limits of the job by itself.
        After a fresh call, the process runs no other.
        """
        self._group = needs.group
        self._is_used_up |= needs.isolation == "fresh"
        self._take_limits(own)
        body = request.encode("utf-8", "surrogatepass")
        self._oom_kills_before_call = self._count_oom_kills()
        if self._cgroup:
            self._refusals_before_call = self._cgroup.refused_processes()
        if self.job_limits.cpu_seconds is not None:
            self._cpu_clock_at_call = processes.cpu_clock(self.pid)
        with contextlib.suppress(ConnectionError):
            self._previous_nonce, self._nonce = self._nonce, answers.new_nonce()
            fields: dict[str, object] = {"nonce": self._nonce, "timeout": timeout, "folder": folder}
            if own:
                fields["limits"] = own
            messages.send(self.channel, fields, body)
        self.calls += 1

    def _take_limits(self, own: OwnLimits | None) -> None:
        """Set the limits of the next call as far as the keeper enforces them."""
        self.job_limits = self.limits.job.narrowed(own)
        self.output.limit(self.limits.output_bytes(own))
        if self._cgroup:
            self._cgroup.limit(*self.job_limits.of_group())
        if more := self.job_limits.nice - self.limits.job.nice:
            self._is_used_up = True  # it can no longer lower its niceness
            with contextlib.suppress(ProcessLookupError):
                present = os.getpriority(os.PRIO_PROCESS, self.pid)
                os.setpriority(os.PRIO_PROCESS, self.pid, present + more)

    def receive(self) -> str | AttemptOutcome | None:
        """Return the next progress, as JSON text, or the outcome that the process reports; None if
        there is neither yet.

        Raises EOFError once the process can send nothing more, and ValueError for a message that an
        honest process would not send: LateMessage if the previous call is to blame.
        """
        message = messages.receive(self.channel)
        if message is None:
            return None
        if message.fields.get("nonce") == self._previous_nonce != "":
            messages.drop(message.body)
            raise LateMessage
        answer = answers.read_answer(message, self._nonce, self.limits.max_result_bytes)
        if isinstance(answer, str):
            return answer
        outcome, self._memory_bytes = answer
        self._answered_cpu_seconds += outcome.cpu_seconds or 0.0
        return outcome

    def has_sent_more(self) -> bool:
        """Return whether the process has sent anything after its last answer, or can send nothing
        more. An honest process does neither."""
        return bool(self._poll.poll(0))

    def exit_code(self) -> int | None:
        """Return the exit code, as `processes.exit_code` does; None while the process lives."""
        return processes.exit_code(self.pid)

    def over_cpu_limit(self) -> float:
        """Return by how many seconds the call exceeds its limit of CPU time; negative if below."""
        limit = self.job_limits.cpu_seconds
        if limit is None:
            return -math.inf
        return processes.cpu_clock(self.pid) - self._cpu_clock_at_call - limit

    def memory_ran_out(self) -> bool:
        """Return whether the OOM killer has killed any process since the call was sent."""
        return self._count_oom_kills() > self._oom_kills_before_call

    def why_no_memory(self) -> str:
        """Say why the OOM killer has killed the job process."""
        if self._cgroup is None or self.job_limits.memory_bytes is None:
            return "memory ran out, and the kernel killed the job process"
        limit = self.job_limits.named("memory_bytes")
        return f"all processes of the job together had more memory than {limit} allows"

    def with_refusals(self, outcome: AttemptOutcome) -> AttemptOutcome:
        """Return the outcome of the last call; an error also says if the kernel has refused the job
        more processes."""
        message = outcome.error_message
        if self._cgroup is None or message is None or outcome.kind != "raised":
            return outcome
        if self._cgroup.refused_processes() == self._refusals_before_call:
            return outcome
        reason = f" (the job had JOB_PROCESSES={self.job_limits.processes} processes and threads)"
        message = message[: answers.MESSAGE_LENGTH - len(reason)] + reason
        return outcome._replace(error_message=message)

    def _count_oom_kills(self) -> int:
        return self._cgroup.oom_kills() if self._cgroup else count_oom_kills()

    def has_left_something(self) -> bool:
        """Return whether a process or thread that the last call started is still running, or
        whether files are left in the process's own /dev/shm."""
        return self._stray_processes.exist() or self._memory.has_files()

    def suits(self, needs: Needs, limits: JobLimits) -> bool:
        """Return whether a call with these needs and limits may run in the process.

        A process that must not use the network can never use it again.
        """
        if self.calls and (needs.isolation == "fresh" or needs.group != self._group):
            return False
        if self.calls and self._memory_bytes > kept_bytes(limits):
            return False
        return needs.network == self.network

    def needs_replacement(self) -> bool:
        """Return whether the process has run its number of calls or a call that must be its last
        one, or holds too much memory."""
        is_worn = self.calls >= self.limits.jobs_per_process or self._is_used_up
        return is_worn or self._memory_bytes > self.limits.max_kept_bytes

    def kill(self) -> ProcessUsage:
        """Kill the process and all other descendants of the keeper.

        Returns the usage since the last answer. If the process had already died, the peak memory is
        the peak over all its calls.
        """
        peak, _ = processes.memory_of(self.pid)
        if self._cgroup:
            self._cgroup.kill()
        # The kernel signals a process group atomically, so that a fork bomb cannot outrun it.
        processes.send_signal(self.pid, signal.SIGKILL, group=True)
        self.channel.close()
        self._stray_processes.close()
        self._memory.close()
        if self.modes:
            self.modes.close()
        usage = kill_descendants()
        self.output.close()
        cpu_seconds = max(0.0, usage.cpu_seconds - self._answered_cpu_seconds)
        return ProcessUsage(cpu_seconds, peak or usage.peak_memory_bytes)


def _mode_changes(
    confinement: loop.Confinement, resources: contextlib.ExitStack
) -> ModeChanges | None:
    """Return the object that decides about changes of modes, if a process needs one. It refuses to
    change the modes of devices."""
    if not confinement.guarded:
        return None
    paths = map(os.path.realpath, confinement.writable)
    modes = ModeChanges([path for path in paths if os.path.isdir(path) or os.path.isfile(path)])
    resources.callback(modes.close)
    return modes


def _fork(run: Callable[[int], NoReturn]) -> int:
    """Fork a process that calls `run` with the pid of its parent; returns its pid."""
    keeper = os.getpid()
    sys.stdout.flush()  # the new process would print buffered text again
    sys.stderr.flush()
    # The new process must not run the keeper's handlers before it has reset them.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCONT})
    try:
        pid = os.fork()
        if pid == 0:
            run(keeper)
        return pid
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class StrayProcesses:
    """Checks after each call whether the job process or this process, its keeper, has strays.

    Keeps the files in /proc open, because opening them for each check costs more than reading.
    """

    def __init__(self, pid: int):
        """`pid` is the job process. Raises OSError."""
        self._pid = pid
        self._files = contextlib.ExitStack()
        with contextlib.ExitStack() as opened:
            self._threads = _open(opened, f"/proc/{pid}/task")
            self._children_of_job_process = _open_children(opened, pid)
            self._children_of_keeper = _open_children(opened, os.getpid())
            self._files = opened.pop_all()

    def exist(self) -> bool:
        """Return whether the job process has a second thread or a child, or the keeper another
        child, such as a daemon that it has adopted."""
        # The job process comes first. A daemon moves from it to the keeper, so that the reverse
        # order could miss one.
        return (
            os.fstat(self._threads).st_nlink != 3  # ".", ".." and one thread
            or bool(_children(self._children_of_job_process, self._pid))
            or _children(self._children_of_keeper, os.getpid()) != [self._pid]
        )

    def close(self) -> None:
        """Close the files."""
        self._files.close()


class OwnMemory:
    """Checks after each call whether a job process with a /dev/shm of its own has files there."""

    def __init__(self, pid: int, view: View | None):
        self._path = None
        if view and view.has_own_memory():
            self._path = f"/proc/{pid}/root{namespaces.SHARED_MEMORY}"
        self._opened = contextlib.ExitStack()
        self._folder: int | None = None

    def has_files(self) -> bool:
        """Return whether there are files, or the process does not let its keeper see that. To be
        called after its first call: the process prepares itself before that."""
        if self._path is None:
            return False
        try:
            if self._folder is None:
                self._folder = _open(self._opened, self._path)
            return bool(os.listdir(self._folder))
        except OSError:
            return True

    def close(self) -> None:
        """Close the folder."""
        self._opened.close()


def _open(opened: contextlib.ExitStack, path: str) -> int:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    opened.callback(os.close, file)
    return file


def _open_children(opened: contextlib.ExitStack, pid: int) -> int | None:
    """Open the list of children of a single-threaded process; None if the kernel has none."""
    if not processes.has_children_file():
        return None
    return _open(opened, f"/proc/{pid}/task/{pid}/children")


def _children(file: int | None, pid: int) -> list[int]:
    if file is None:
        return processes.children_by_scan(pid)
    with contextlib.suppress(ProcessLookupError):
        return [int(child) for child in os.pread(file, _READ_BYTES, 0).split()]
    return []


def count_oom_kills() -> int:
    """Return the number of processes that the kernel's OOM killer has killed so far.

    The counter belongs to the memory cgroup (version 1 or 2) that this process had at first call.
    It counts every kill in that cgroup, also if a limit of a parent cgroup was reached. Without a
    cgroup, the counter of the whole system is used.
    """
    counter = _open_oom_counter()
    try:
        return 0 if counter is None else _parse_oom_kills(os.pread(counter, _READ_BYTES, 0)) or 0
    except OSError:
        return 0  # the cgroup has been removed


def candidate_files(cgroups: str, mounts: str) -> Iterator[Path]:
    """Yield the files that may contain the counter, the most specific first.

    `cgroups` and `mounts` are the texts of /proc/self/cgroup and /proc/self/mountinfo.
    """
    paths = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in cgroups.splitlines()}
    for line in mounts.splitlines():
        mount, _, system = line.partition(" - ")
        root, point = mount.split()[3:5]
        kind, _, options = system.split(" ", 2)
        if kind == "cgroup" and "memory" in options.split(","):
            names = (names for names in paths if "memory" in names.split(","))
            # In a container, its own cgroup may be all that is mounted, under the host's path.
            path = os.path.relpath(paths[next(names)], root)
            yield Path(point, path, "memory.oom_control")
        elif kind == "cgroup2" and "" in paths:
            yield Path(point, os.path.relpath(paths[""], root), "memory.events")
    yield _SYSTEM_COUNTER


@functools.cache
def _open_oom_counter() -> int | None:
    """Open the file with the counter, once, because it is read for every call."""
    own = Path("/proc/self/cgroup"), Path("/proc/self/mountinfo")
    found = candidate_files(*(file.read_text() if file.exists() else "" for file in own))
    for file in found:
        with contextlib.suppress(OSError):
            if _parse_oom_kills(file.read_bytes()) is not None:
                return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    return None


def _parse_oom_kills(text: bytes) -> int | None:
    """Return the counter from the text of such a file, or None if it has none."""
    lines = (line.split() for line in text.splitlines())
    return next((int(line[1]) for line in lines if line[0] == _OOM_FIELD), None)
