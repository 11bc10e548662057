"""Functions that tests of the pool run in job processes."""

import contextlib
import ctypes
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context, shared_memory
from pathlib import Path
from typing import Any, NoReturn

Report = Callable[[str], None]

kept: list[Any] = []
"""Objects that jobs keep in the memory of their process."""


def load() -> Callable[[str, Report], str]:
    """Return the entry of most tests."""
    return entry


def entry(request: str, report: Report) -> str:
    """Run the function that the request names, with its arguments."""
    call = json.loads(request)
    if call["do"] == "raw":
        raw: str = call["text"]
        return raw
    return json.dumps(globals()[call["do"]](report, **call["with"]))


def tell(report: Report, *values: Any) -> None:
    """Report values as progress, for `Owner.progress`."""
    report(json.dumps({"values": values}))


def echo(report: Report, value: Any) -> Any:
    return value


def repeat(report: Report, value: str, times: int) -> str:
    return value * times


def pid(report: Report) -> int:
    return os.getpid()


def raise_error(report: Report, name: str) -> None:
    raise ERRORS[name]()


def write(report: Report, text: str) -> None:
    sys.stdout.write(text)


def exit_with_code(report: Report, code: int) -> None:
    os._exit(code)


def crash(report: Report) -> None:
    ctypes.string_at(0)


def raise_signal(report: Report, number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def sleep(report: Report, seconds: float) -> None:
    tell(report, os.getpid())
    time.sleep(seconds)


def sleep_without_progress(report: Report) -> None:
    time.sleep(60)


def spin(report: Report) -> None:
    tell(report, os.getpid())
    while True:
        pass


def power(report: Report) -> int:
    """Run C code that holds the GIL for minutes."""
    tell(report, os.getpid())
    return int(pow(3, 10**9)).bit_length()


def derive_key(report: Report) -> str:
    """Run C code that releases the GIL and runs for hours."""
    tell(report, os.getpid())
    return hashlib.pbkdf2_hmac("sha256", b"a", b"b", 2**31 - 1).hex()


def ignore_signals(report: Report, names: list[str], seconds: float = 60) -> str:
    for name in names:
        signal.signal(signal.Signals[name], signal.SIG_IGN)
    tell(report, os.getpid())
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.05)
    return "over"


def append_to_file(report: Report, path: str, text: str) -> None:
    with open(path, "a") as file:
        file.write(text)


def wait_for_file(report: Report, path: str) -> int:
    tell(report, os.getpid())
    while not Path(path).exists():
        time.sleep(0.005)
    return os.getpid()


def family(report: Report, seconds: float) -> list[int]:
    """Start a child, a grandchild that runs another program, and a daemon in its own session."""
    read, write = os.pipe()
    for start in (_child, _daemon):
        if os.fork() == 0:
            start(write)
    with open(read) as lines:
        pids = [os.getpid(), *(int(next(lines)) for _ in range(3))]
    tell(report, *pids)
    time.sleep(seconds)
    return pids


def _child(write: int) -> NoReturn:
    sleeper = subprocess.Popen(["sleep", "60"])
    os.write(write, f"{os.getpid()}\n{sleeper.pid}\n".encode())
    time.sleep(60)
    os._exit(0)


def _daemon(write: int) -> NoReturn:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(write, f"{os.getpid()}\n".encode())
        time.sleep(60)
    os._exit(0)


def fork_without_end(report: Report) -> None:
    """Fork a chain of processes; each forks the next one in a new session and exits."""
    if os.fork() == 0:
        while os.fork() == 0:
            os.setsid()
        os._exit(0)
    tell(report, os.getpid())
    time.sleep(60)


def leave_thread(report: Report) -> int:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    tell(report, os.getpid())
    return os.getpid()


def answer_and_die(report: Report, path: str) -> str:
    wait_for_file(report, path)
    threading.Timer(0.2, os._exit, [3]).start()
    return "answered"


def return_from_fork(report: Report) -> str:
    """Let a child leave the code of the job, as after a forgotten os._exit()."""
    child = os.fork()
    if child == 0:
        raise ValueError("from the child")
    os.waitpid(child, 0)
    return "from the parent"


def leave_child_and_die(report: Report) -> None:
    """Crash while a child still holds the descriptors of the process."""
    if os.fork() == 0:
        time.sleep(60)
    os._exit(3)


def become_another_program(report: Report) -> None:
    os.execvp("sleep", ["sleep", "60"])


def close_everything(report: Report) -> None:
    os.closerange(3, 1000)
    time.sleep(60)


def report_each(report: Report, texts: list[str]) -> None:
    """Report the texts as progress, slowly enough for the keeper to receive each one."""
    for text in texts:
        report(text)
        time.sleep(0.01)


def flood(report: Report) -> None:
    """Report progress from three processes, faster than a keeper can receive it."""
    pid = os.getpid()
    if os.fork():
        os.fork()
    while True:
        tell(report, pid)


def hold_memory(report: Report, mebibytes: int, keep: bool) -> int:
    data = b"x" * (mebibytes * 2**20)
    if keep:
        kept.append(data)
    return os.getpid()


def use_cpu(report: Report, seconds: float, in_child: bool) -> None:
    if in_child and (child := os.fork()):
        os.waitpid(child, 0)
        return
    while time.process_time() < seconds:
        pass
    if in_child:
        os._exit(0)


def open_files_and_get_signal(report: Report, folder: str) -> int:
    """Return the size of empty files after a signal with a Python handler, which should be 0."""
    names = [Path(folder) / str(number) for number in range(50)]
    with contextlib.ExitStack() as files:
        for name in names:
            files.enter_context(name.open("wb"))
        signal.signal(signal.SIGUSR1, lambda *_: None)
        os.kill(os.getpid(), signal.SIGUSR1)
    return sum(name.stat().st_size for name in names)


def surroundings(report: Report) -> dict[str, Any]:
    """Return what the job process has inherited."""
    descriptors = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            descriptors[name] = os.readlink(f"/proc/self/fd/{name}")
    return {
        "descriptors": descriptors,
        "session": os.getsid(0),
        "pid": os.getpid(),
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "sigterm": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
        "oom_score": int(Path("/proc/self/oom_score_adj").read_text()),
        "stdin": sys.stdin.read(),
        "core_limit": resource.getrlimit(resource.RLIMIT_CORE)[0],
    }


def use_multiprocessing(report: Report) -> int:
    """Use features that need a resource tracker, which this process starts."""
    memory = shared_memory.SharedMemory(create=True, size=8)
    context = get_context("fork")
    with context.Pool(2) as pool:
        total = sum(pool.map(abs, [-1, -2, -3]))
    memory.close()
    memory.unlink()
    get_context("spawn").Lock()
    return total


class Refused(Exception):
    """An error that is not retryable."""

    retryable = False


class Unpicklable(Exception):
    """An exception that cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("has a lock")
        self.held = threading.Lock()


class Unprintable(Exception):
    """An exception without a message: str() fails."""

    def __str__(self) -> str:
        raise OSError("no words")


class Nameless(type):
    """A class of exception classes that do not tell their name."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise SystemExit


class Unnamed(Exception, metaclass=Nameless):
    """An exception whose class does not tell its name."""


ERRORS: dict[str, Callable[[], BaseException]] = {
    "plain": lambda: ValueError("plain words"),
    "refused": lambda: Refused("never"),
    "unpicklable": Unpicklable,
    "unprintable": Unprintable,
    "surrogates": lambda: ValueError("a\udcffb"),
    "long": lambda: ValueError("\U0001f600" * 10000),
    "exit": lambda: SystemExit(3),
    "interrupt": lambda: KeyboardInterrupt("keys"),
    "memory": MemoryError,
    "unnamed": Unnamed,
}
