"""The undocumented parts of Python's multiprocessing that the pool uses, and nothing else of ours.

    ForkContext(fork) ─▶ ProcessPoolExecutor ─▶ pickle process ─▶ fork([pipe, …]) ─▶ run_child

The context has processes that are forked by another process, the fork server. It extends
multiprocessing as that module's own start methods do: with a Popen, and a context that uses it
(compare multiprocessing/popen_forkserver.py in CPython).

A new Python may change these parts. `NEWEST_TESTED` names the last one that they were checked with,
and `tests/runner/pool/test_python_internals.py` fails if a part differs.
"""

import contextlib
import io
import os
from collections.abc import Callable, Sequence
from multiprocessing import (
    context,
    popen_fork,
    process,
    reduction,
    resource_tracker,
    spawn,
    util,
)
from typing import Any

NEWEST_TESTED = (3, 13)
"""The newest Python that this module was checked with. The oldest is 3.11."""
PRELOADED = ("concurrent.futures.process", "multiprocessing.queues", "multiprocessing.synchronize")
"""Modules that each process of a ProcessPoolExecutor would otherwise import for itself."""
Fork = Callable[[Sequence[int]], int]
"""fork(descriptors) returns the pid of a new child of this process, which calls run_child(copies).
Raises OSError."""

_inherited: Sequence[int] = ()
"""The descriptors that this process was given for the pickled process object."""


def run_child(descriptors: Sequence[int]) -> int:
    """Run the process object that is read from the first descriptor; returns the exit code."""
    global _inherited
    pipe, _, *_inherited = descriptors  # the second one stays open as long as this process lives
    code: int = spawn._main(pipe, os.dup(pipe))
    return code


class ForkContext(context.SpawnContext):
    """A context with which an executor creates its worker processes."""

    def __init__(self, fork: Fork) -> None:
        self._fork = fork

    def Process(self, *args: Any, **options: Any) -> "_Process":  # type: ignore[override]
        """Return a process that is not started yet, as multiprocessing.Process does."""
        return _Process(self._fork, *args, **options)


class _Process(context.SpawnProcess):
    def __init__(self, fork: Fork, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._fork = fork

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the fork function, which the new process does not need."""
        return {name: value for name, value in vars(self).items() if name != "_fork"}

    def _Popen(self, child: Any) -> "_Popen":  # type: ignore[override]
        return _Popen(child, self._fork)


class _DescriptorIndex:
    """The index of a descriptor in the sequence that the new process gets."""

    def __init__(self, index: int):
        self._index = index

    def detach(self) -> int:
        """Return the descriptor. To be called in the new process."""
        return _inherited[self._index]


class _Popen(popen_fork.Popen):
    """A running child. It can be signaled and waited for as if it had been forked here."""

    method = "spawn"
    DupFd = _DescriptorIndex

    def __init__(self, child: Any, fork: Fork):
        self._fork = fork
        self._descriptors: list[int] = []
        super().__init__(child)

    def duplicate_for_child(self, descriptor: int) -> int:
        """Let the child inherit a descriptor; returns its index."""
        self._descriptors.append(descriptor)
        return len(self._descriptors) - 1

    def _launch(self, child: Any) -> None:
        data = self._pickled(child)
        with contextlib.ExitStack() as child_ends, contextlib.ExitStack() as parent_ends:
            # Readable when the child has ended.
            self.sentinel, child_alive = _pipe(parent_ends, child_ends)
            write, read = reversed(_pipe(child_ends, parent_ends))
            self.pid = self._fork([read, child_alive, *self._descriptors])
            # Open until this process ends, which the child can notice by it.
            self.finalizer = util.Finalize(self, parent_ends.pop_all().close)
            with open(write, "wb", closefd=False) as file:
                file.write(data)

    def _pickled(self, child: Any) -> bytes:
        buffer = io.BytesIO()
        context.set_spawning_popen(self)  # type: ignore[arg-type]
        try:
            reduction.dump(spawn.get_preparation_data(child.name), buffer)
            reduction.dump(child, buffer)
        finally:
            context.set_spawning_popen(None)
        return buffer.getvalue()


def _pipe(read: contextlib.ExitStack, write: contextlib.ExitStack) -> tuple[int, int]:
    """Create a pipe; each stack closes one of its two ends."""
    ends = os.pipe()
    for stack, end in zip((read, write), ends, strict=True):
        stack.callback(os.close, end)
    return ends


class InheritedDescriptor:
    """A file descriptor that is duplicated into a child process when it is pickled for it."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[object, ...]:
        return _inherit, (reduction.DupFd(self.descriptor),)


def _inherit(duplicate: Any) -> InheritedDescriptor:
    return InheritedDescriptor(duplicate.detach())


def start_tracker() -> None:
    """Start multiprocessing's tracker of semaphores and shared memory, unless it runs."""
    resource_tracker.ensure_running()


def forget_tracker() -> None:
    """Let this process start a tracker of its own if it needs one. The descriptor of the old one
    stays open."""
    tracker: Any = resource_tracker._resource_tracker
    tracker._fd = tracker._pid = None


def forget_temporary_folder() -> None:
    """Let multiprocessing ask for its temporary folder again, which it remembers."""
    getattr(process.current_process(), "_config", {}).pop("tempdir", None)
