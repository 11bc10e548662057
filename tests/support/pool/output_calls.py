"""The entry of tests/runner/pool/test_output.py, whose jobs print in various ways."""

import ctypes
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable

Report = Callable[[str], None]


def load() -> Callable[[str, Report], str]:
    """Return the entry."""
    return do


def do(request: str, report: Report) -> str:
    """Do what the request names."""
    call = json.loads(request)
    match call["do"]:
        case "print":
            print(call["text"])  # noqa: T201
        case "log":
            logging.getLogger("a job").info("value %s", "x")
            logging.getLogger("a job").debug("not shown")
        case "crash":
            sys.stdout.write("before\n")
            ctypes.string_at(0)
        case "hang":
            sys.stdout.write("hangs\nand more")
            sys.stdout.flush()
            time.sleep(600)
        case "child":
            subprocess.run(["sh", "-c", "echo out; echo err >&2"], check=True)
        case "flood":
            os.write(1, b"the start\n")
            time.sleep(0.1)
            flood(int(call["bytes"]))
        case "close":
            os.close(1)
            os.close(2)
            time.sleep(float(call["seconds"]))
    return "null"


def flood(size: int) -> None:
    """Print about `size` bytes in lines, and a last line."""
    line = b"x" * 9_999 + b"\n"
    for _ in range(size // len(line)):
        os.write(1, line)
    os.write(1, b"the end\n")
