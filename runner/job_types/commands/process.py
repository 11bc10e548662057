"""Runs the program of a command: feeds it the upload, keeps its output, waits for its end.

    upload ──▶ stdin ┌─────────┐ stdout ──▶ captured, or a file, or the output of the job
                     │ program │
                     └─────────┘ stderr ──▶ the output of the job; its last line is kept

With a reader of lines, both outputs also go through it, and standard output through this process.

The program is a child of the job process, in its process group. So it has the same limits and the
same access to files, and a cancel or a timeout kills it with the job process.
"""

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import RawIOBase
from typing import IO, NamedTuple

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
_READ_BYTES = 65536
_CHECK_SECONDS = 0.1
"""How often the end of the program is looked for while another process keeps its output open."""
_LAST_BYTES = 2000
_LINE_LENGTH = 300
_DRAIN_READS = 64


Reader = Callable[[bytes], None]


class OutputTooLong(Exception):
    """The program has written more to its standard output than may be captured."""


class Ended(NamedTuple):
    """How a program ended."""

    code: int
    """Its exit code, or minus the signal that killed it."""
    output: bytes
    """Its standard output; empty if that was not captured."""
    last_line: str
    """The last line that it wrote to its standard error and that is not blank."""


def run(
    argv: Sequence[str],
    env: Mapping[str, str],
    folder: str,
    source: RawIOBase | None = None,
    max_output: int | None = None,
    output: int | None = None,
    new_reader: Callable[[], Reader] | None = None,
) -> Ended:
    """Run a program to its end. It searches PATH of `env`.

    source: what it gets as standard input; None for nothing. It need not read all of it.
    max_output: how many bytes of standard output are captured; None if none are.
    output: the descriptor to which it writes then; None if that is the output of the job.
    new_reader: makes a function that gets what the program writes to one of its outputs; an output
        that goes to a descriptor is not read.

    Raises OutputTooLong, OSError if the program cannot be started, and what reading `source`
    raises. The program is dead then.
    """
    given, fed = _as_stdin(source)
    is_read = max_output is not None or (new_reader is not None and output is None)
    process = subprocess.Popen(
        [text.encode("utf-8", "surrogateescape") for text in argv],
        env=dict(env),
        cwd=folder,
        stdin=given,
        stdout=subprocess.PIPE if is_read else output,
        stderr=subprocess.PIPE,
        preexec_fn=partial(_die_with, os.getpid()),  # safe: a job process has one thread
    )
    with process, _Streams(process, fed, max_output, new_reader or _no_reader) as streams:
        try:
            streams.pump()
        except BaseException:
            process.kill()
            raise
        return Ended(process.wait(), bytes(streams.output), _last_line(streams.last))


def _no_reader() -> Reader:
    return lambda data: None


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies (PR_SET_PDEATHSIG).

    If a worker is killed, its keepers and job processes die with it. No process would be left to
    kill their programs, which would run beside the next attempt of the job.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _as_stdin(source: RawIOBase | None) -> tuple[int, RawIOBase | None]:
    """Return the standard input of the program, and the file to feed to it, if it needs that."""
    if source is None:
        return subprocess.DEVNULL, None
    try:
        return source.fileno(), None
    except OSError:  # a file that is read over the network
        return subprocess.PIPE, source


class _Streams:
    """The pipes between this process and a program."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        source: RawIOBase | None,
        max_output: int | None,
        new_reader: Callable[[], Reader],
    ) -> None:
        self._process, self._source, self._max_output = process, source, max_output
        self.output, self.last = bytearray(), b""
        self._unfed = memoryview(b"")
        self._selector = selectors.DefaultSelector()
        self._read_line, self._read_error_line = new_reader(), new_reader()
        self._watch(process.stdout, selectors.EVENT_READ, self._take_output)
        self._watch(process.stderr, selectors.EVENT_READ, self._forward)
        self._watch(process.stdin, selectors.EVENT_WRITE, self._feed)

    def __enter__(self) -> "_Streams":
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()

    def pump(self) -> None:
        """Move data until the program has ended, or has closed its output."""
        while self._selector.get_map():
            for key, _ in self._selector.select(_CHECK_SECONDS):
                key.data(key.fileobj)
            if self._process.poll() is not None:
                self._drain()
                return

    def _drain(self) -> None:
        """Read what the pipes still hold. A process that the program left may keep them open."""
        for _ in range(_DRAIN_READS):
            ready = [
                key for key, event in self._selector.select(0) if event != selectors.EVENT_WRITE
            ]
            if not ready:
                return
            for key in ready:
                key.data(key.fileobj)

    def _watch(self, pipe: IO[bytes] | None, event: int, move: Callable[[IO[bytes]], None]) -> None:
        if pipe is not None:
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, event, move)

    def _read(self, pipe: IO[bytes]) -> bytes:
        try:
            data = os.read(pipe.fileno(), _READ_BYTES)
        except BlockingIOError:
            return b""
        if not data:
            self._selector.unregister(pipe)
        return data

    def _take_output(self, pipe: IO[bytes]) -> None:
        data = self._read(pipe)
        self._read_line(data)
        if self._max_output is None:
            _write(sys.stdout.buffer, data)
            return
        self.output += data
        if len(self.output) > self._max_output:
            raise OutputTooLong

    def _forward(self, pipe: IO[bytes]) -> None:
        data = self._read(pipe)
        self.last = (self.last + data)[-_LAST_BYTES:]
        self._read_error_line(data)
        _write(sys.stderr.buffer, data)

    def _feed(self, pipe: IO[bytes]) -> None:
        if not self._unfed:
            assert self._source is not None
            self._unfed = memoryview(self._source.read(_READ_BYTES) or b"")
        try:
            if self._unfed:
                self._unfed = self._unfed[os.write(pipe.fileno(), self._unfed) :]
                return
        except BlockingIOError:
            return
        except BrokenPipeError:  # the program does not want more
            pass
        self._selector.unregister(pipe)
        with contextlib.suppress(BrokenPipeError):
            pipe.close()


def _write(stream: IO[bytes], data: bytes) -> None:
    # Not to descriptors 1 and 2: only what Python writes to both stays in order.
    stream.write(data)
    stream.flush()


def _last_line(data: bytes) -> str:
    lines = data.decode("utf-8", "replace").replace("\r", "\n").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return last if len(last) <= _LINE_LENGTH else f"…{last[-_LINE_LENGTH:]}"
