"""The process that imports modules of job types on trial, each in a forked process of its own.

`python -m runner.job_types.registry.prober` reads one request a line, and writes one answer a line:

    {"text": "file:/jobs/resize.py", "seconds": 10}  ──▶  {"works": true}
                                                    ──▶  {"line", "reason", "remedy"}

Only the registry starts it. Whatever an import does, such as exiting, forking, crashing, looping or
printing without end, ends with its process. All processes that it has started are killed.
"""

import contextlib
import ctypes
import faulthandler
import json
import os
import re
import resource
import select
import signal
import sys
import threading
from collections.abc import Mapping, Set
from functools import cache, partial
from io import FileIO
from types import FrameType
from typing import NoReturn

from runner.job_types.json_values import Json
from runner.job_types.registry.broken import explain
from runner.job_types.registry.declarations import almost_job_types, check, job_types_of
from runner.job_types.registry.sources import Source, import_module, parse

MEMORY_BYTES = 2 * 2**30
"""The most private memory that an import may take."""
_GRACE_SECONDS = 2.0
_MAX_ANSWER_BYTES = 65536
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
WORKS = {"works": True}
"""The answer if a module can be imported."""
_MOVE = "move this code into run, or into load, which only workers call"
_exit = os._exit

_LEAVE = "leave it as it is: the whole program uses it"
_END_SECONDS = 0.2
"""How long a thread may take to end after the import."""


def main() -> None:
    """Answer requests until standard input ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    with os.fdopen(os.dup(1), "w") as answers:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        for line in sys.stdin:
            request = json.loads(line)
            source = parse(request["text"])
            assert source
            answers.write(json.dumps(probe(source, request["seconds"])) + "\n")
            answers.flush()


def probe(source: Source, seconds: float) -> Json:
    """Import a module in a forked process, and return the answer."""
    _callables()
    read, write = os.pipe()
    stacks = os.memfd_create("stacks")
    pid = os.fork()
    if pid == 0:
        _import_and_exit(source, seconds, write, stacks)
    os.close(write)
    try:
        answer = _read(read, seconds + _GRACE_SECONDS)
        if answer is None:
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if _end_descendants(pid) and answer == WORKS:
            return {"line": None, "reason": "its import starts a process", "remedy": _MOVE}
        if answer:
            return answer
        code = None if answer is None else os.waitstatus_to_exitcode(status)
        return _explain_end(source, seconds, code, os.pread(stacks, _MAX_ANSWER_BYTES, 0))
    finally:
        os.close(read)
        os.close(stacks)


def _read(pipe: int, seconds: float) -> Json | None:
    """Return the answer in a pipe; {} if it ends without one, None if it takes too long."""
    text = b""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while poll.poll(seconds * 1000):
        piece = os.read(pipe, _MAX_ANSWER_BYTES)
        text += piece
        if not piece or text.endswith(b"\n") or len(text) > _MAX_ANSWER_BYTES:
            break
    else:
        return None
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _explain_end(source: Source, seconds: float, code: int | None, stacks: bytes) -> Json:
    """Say why a process has ended without an answer. `code` is None if it had to be killed."""
    lines = re.findall(r'File "(.+)", line (\d+) in', stacks.decode(errors="replace"))
    line = next((int(number) for file, number in lines if file == source.path), None)
    if lines or code is None:
        reason = f"its import takes more than {seconds:g} s"
    elif code < 0:
        reason = f"its import crashes the process ({_signal_name(-code)})"
    else:
        reason = f"its import ends the process (exit code {code})"
    return {"line": line, "reason": reason, "remedy": _MOVE}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _import_and_exit(source: Source, seconds: float, answers: int, stacks: int) -> NoReturn:
    """Import a module, write the answer, and end this process."""
    pid = os.getpid()
    answer: Json = {"line": None, "reason": "its import fails oddly", "remedy": _MOVE}
    try:
        _confine(answers, stacks)
        faulthandler.dump_traceback_later(seconds, exit=True, file=FileIO(stacks, "w"))
        refuse = partial(_refuse, source, pid, answers)
        os.register_at_fork(before=partial(refuse, "it forks when it is imported"))
        os._exit = partial(refuse, "its import ends the process")
        answer = _import(source)
    except BaseException as error:
        line, reason, remedy = explain(error, source.path)
        answer = {"line": line, "reason": reason, "remedy": remedy}
    finally:
        _answer_and_exit(pid, answers, answer)


def _import(source: Source) -> Json:
    """Import a module, and return the answer. Raises what the module raises."""
    before = _callables()
    module = import_module(source)
    if broken := _broken_since(before):
        return {"line": None, "reason": f"its import breaks {broken}", "remedy": _LEAVE}
    for cls in job_types_of(module):
        with contextlib.suppress(Exception):
            check(cls)
    list(almost_job_types(module))
    if thread := _endless_thread():
        reason = f"its import starts a thread that does not end ({thread})"
        return {"line": None, "reason": reason, "remedy": f"{_MOVE}; or make it a daemon thread"}
    return WORKS


def _confine(*kept: int) -> None:
    """Let this process neither print, nor read, nor take much memory, nor write a core dump."""
    os.setsid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for name in os.listdir("/proc/self/fd"):
        if (descriptor := int(name)) > 2 and descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def _refuse(source: Source, pid: int, answers: int, reason: str, *_: object) -> NoReturn:
    """End the process that imports a module, instead of what the module does."""
    line: int | None = None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and line is None:
        line = frame.f_lineno if frame.f_code.co_filename == source.path else None
        frame = frame.f_back
    _answer_and_exit(pid, answers, {"line": line, "reason": reason, "remedy": _MOVE})


def _answer_and_exit(pid: int, answers: int, answer: Json) -> NoReturn:
    try:
        if os.getpid() == pid:
            os.write(answers, json.dumps(answer).encode() + b"\n")
    finally:
        _exit(0)


def _end_descendants(session: int) -> bool:
    """Kill all processes that an import has left, and wait for their ends. Returns whether there
    were any, as far as the kernel tells: some lack the file of children."""
    any_left = False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)
    while children := _children():
        any_left = True
        for pid in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)
    return any_left


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value))


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return list(map(int, file.read().split()))
    except FileNotFoundError:
        return []


@cache
def _callables() -> dict[str, Set[str]]:
    """Return the names of what can be called in each imported module of the standard library.

    They are found once, so that forked processes need not do it.
    """
    return {
        name: {key for key, value in vars(module).items() if callable(value)}
        for name, module in sys.modules.copy().items()
        if name.partition(".")[0] in sys.stdlib_module_names and hasattr(module, "__dict__")
    }


def _broken_since(before: Mapping[str, Set[str]]) -> str | None:
    """Return what can no longer be imported or called, such as json or builtins.open; or None."""
    for name, keys in before.items():
        if name not in sys.modules:
            continue  # it is imported again when it is needed
        if sys.modules[name] is None:
            return name
        found = vars(sys.modules[name])
        if lost := sorted(key for key in keys if not callable(found.get(key))):
            return f"{name}.{lost[0]}"
    return None


def _endless_thread() -> str | None:
    """Return the name of a thread for whose end an exit of this program would wait, or None."""
    mine = threading.current_thread()
    # An exit ends the threads of a ThreadPoolExecutor by itself.
    pools = sys.modules.get("concurrent.futures.thread")
    ended = getattr(pools, "_threads_queues", {})
    for thread in threading.enumerate():
        if thread is not mine and not thread.daemon and thread not in ended:
            thread.join(_END_SECONDS)
            if thread.is_alive():
                return thread.name
    return None


if __name__ == "__main__":
    main()
