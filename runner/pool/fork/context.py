"""Processes of the multiprocessing module that somebody else forks for this process.

    ForkContext(fork) ─▶ ProcessPoolExecutor ─▶ a process is pickled ─▶ fork([pipe, …]) ─▶ become

By the means by which that module has its own ways to start a process: a Popen, and a context that
makes processes with it (see its popen_forkserver.py). Imports nothing of ours.
"""

import contextlib
import io
import os
from collections.abc import Callable, Sequence
from multiprocessing import context, popen_fork, reduction, spawn, util
from typing import Any

Fork = Callable[[Sequence[int]], int]
"""fork(descriptors) -> the id of a new child of this process, in which become(copies) is called.
Raises OSError."""

_inherited: Sequence[int] = ()
"""The descriptors that this process was given."""


def become(descriptors: Sequence[int]) -> int:
    """Be the process that comes through the first descriptor, until it ends; its exit code."""
    global _inherited
    pipe, _, *_inherited = descriptors  # the second one is open for as long as this process lives
    code: int = spawn._main(pipe, os.dup(pipe))
    return code


class ForkContext(context.SpawnContext):
    """What an executor makes its processes with."""

    def __init__(self, fork: Fork) -> None:
        self._fork = fork

    def Process(self, *args: Any, **options: Any) -> "_Process":  # type: ignore[override]
        """A process that is not started yet, as multiprocessing.Process."""
        return _Process(self._fork, *args, **options)


class _Process(context.SpawnProcess):
    def __init__(self, fork: Fork, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self._fork = fork

    def __getstate__(self) -> dict[str, Any]:
        """All but what its own process has no use for."""
        return {name: value for name, value in vars(self).items() if name != "_fork"}

    def _Popen(self, process: Any) -> "_Popen":  # type: ignore[override]
        return _Popen(process, self._fork)


class _Position:
    """Where a descriptor is among those that the new process gets."""

    def __init__(self, position: int):
        self._position = position

    def detach(self) -> int:
        """The descriptor, in the new process."""
        return _inherited[self._position]


class _Popen(popen_fork.Popen):
    """A child that runs. For its signals and its end it is as if it had been forked here."""

    method = "spawn"
    DupFd = _Position

    def __init__(self, process: Any, fork: Fork):
        self._fork = fork
        self._descriptors: list[int] = []
        super().__init__(process)

    def duplicate_for_child(self, descriptor: int) -> int:
        """Note that it is to be inherited; its position."""
        self._descriptors.append(descriptor)
        return len(self._descriptors) - 1

    def _launch(self, process: Any) -> None:
        data = self._pickled(process)
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            self.sentinel, alive = _pipe(ours, theirs)  # readable when the child has ended
            write, read = reversed(_pipe(theirs, ours))
            self.pid = self._fork([read, alive, *self._descriptors])
            # Open until this process ends: the child can tell by it.
            self.finalizer = util.Finalize(self, ours.pop_all().close)
            with open(write, "wb", closefd=False) as file:
                file.write(data)

    def _pickled(self, process: Any) -> bytes:
        buffer = io.BytesIO()
        context.set_spawning_popen(self)  # type: ignore[arg-type]
        try:
            reduction.dump(spawn.get_preparation_data(process.name), buffer)
            reduction.dump(process, buffer)
        finally:
            context.set_spawning_popen(None)
        return buffer.getvalue()


def _pipe(read: contextlib.ExitStack, write: contextlib.ExitStack) -> tuple[int, int]:
    """Two ends, each to be closed with the one of its stack."""
    ends = os.pipe()
    for stack, end in zip((read, write), ends, strict=True):
        stack.callback(os.close, end)
    return ends
