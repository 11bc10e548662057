"""Folders of job types for tests, and what is wrong with the files in them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.job_types.registry import sources

HEADER = "from runner.job_types.base import Defaults, JobType, Payload\n"
TYPE = """
class {cls}(JobType):
    name = "{name}"
    Payload = Payload
    upload = "none"

    def run(self, payload, context):
        {body}
"""


def job_type(name: str, body: str = "return None", cls: str = "Mine") -> str:
    """The text of a file with one job type, whose class begins in line 3."""
    return HEADER + TYPE.format(name=name, body=body, cls=cls)


BROKEN: dict[str, tuple[str, int | None, str, str]] = {
    # a file: its text, the line, and parts of the reason and of the remedy
    "bad_syntax": ("x = 1\ny = = 2\n", 2, "SyntaxError: invalid syntax", "correct this line"),
    "bad_null": ("x = '\0'\n", None, "null bytes", "correct this line"),
    "calls": ("def f():\n    1 / 0\n\nf()\n", 2, "ZeroDivisionError: division by zero", "correct"),
    "crashes": ("import os\nos.kill(os.getpid(), 11)\n", None, "(SIGSEGV)", "into run"),
    "exits": ("import sys\nsys.exit(3)\n", 2, "it exits when it is imported", "__main__"),
    "exits_hard": ("import os\nprint('x' * 10**7)\nos._exit(0)\n", 3, "ends the process", "run"),
    "forks": ("import os\nif os.fork():\n    pass\n", 2, "it forks when it is imported", "run"),
    "kills_its_parent": ("import os\nos.kill(os.getppid(), 9)\n", None, "ends the process", "run"),
    "leaves": ("import subprocess as s\ns.Popen(['sleep', '60'])\n", None, "starts a process", ""),
    "loop_one": ("from loop_two import x\n", 1, "circular import", "into a third one"),
    "loop_two": ("from loop_one import x\n", 1, "circular import", "into a third one"),
    "leaves_a_thread": (
        "import threading, time\n"
        "def work():\n    time.sleep(1000)\nthreading.Thread(target=work).start()\n",
        None,
        "starts a thread that does not end (Thread-1 (work))",
        "into run",
    ),
    "breaks_a_module": ("import sys\nsys.modules['json'] = None\n", None, "breaks json", "leave"),
    "breaks_a_function": ("import builtins\nbuiltins.open = None\n", None, "builtins.open", ""),
    "missing": ("\nimport no_such_package\n", 2, "No module named 'no_such_package'", "#packages"),
    "misspelled": ("from .other import x\n", 1, "No module named", "write other.py in the folder"),
    "needs_memory": ("x = bytearray(3 << 30)\n", 1, "MemoryError", "load"),
    "recursion": ("def f():\n    f()\nf()\n", 2, "RecursionError", "end the recursion"),
    "raises_oddly": (
        "class Odd(BaseException):\n    def __str__(self):\n        raise self\nraise Odd\n",
        4,
        "Odd: its message cannot be read",
        "correct this line",
    ),
    "wrong_base": (
        "class Resize:\n    name = 'resize'\n\n    def run(self):\n        pass\n",
        1,
        "class Resize has a name and a method run, but is no job type",
        "class Resize(JobType",
    ),
    "no_run": (
        HEADER + "class Mine(JobType):\n    name = 'mine'\n",
        2,
        "class Mine has no method run",
        "def run(self, payload, context)",
    ),
    "no_name": (
        job_type("x").replace('    name = "x"\n', ""),
        3,
        "name must be a non-empty string",
        'name = "resize"',
    ),
    "no_schema": (
        "class Odd:\n    pass\n\n"
        + HEADER
        + "class In(Payload, arbitrary_types_allowed=True):\n    odd: Odd\n"
        + TYPE.format(cls="Mine", name="odd", body="pass").replace("= Payload", "= In"),
        8,
        "its payload has no JSON Schema",
        "use types that JSON has",
    ),
    "taken": (
        job_type("sleep"),
        3,
        "the name 'sleep' is taken by runner.job_types.sleep",
        "-sleep",
    ),
    "bad_default": (
        job_type("x").replace("upload", "defaults = Defaults(timeout=0)\n    upload"),
        3,
        "defaults: timeout must be a number of seconds above 0 to 31622400",
        "timeout=60",
    ),
}
"""Files that do not work. None of them keeps others from working."""


def write_broken(folder: Path) -> None:
    """Write all files that do not work."""
    for name, (text, *_) in BROKEN.items():
        (folder / f"{name}.py").write_text(text)


@contextmanager
def forgotten_modules() -> Iterator[None]:
    """Forget at the end which modules were imported, and where they were found."""
    path, modules, folders = list(sys.path), set(sys.modules), list(sources._folders)
    try:
        yield
    finally:
        sys.path[:], sources._folders[:] = path, folders
        for name in set(sys.modules) - modules:
            del sys.modules[name]
