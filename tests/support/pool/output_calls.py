"""What jobs of tests/runner/pool/test_output.py do."""

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
    """The entry."""
    return do


def do(request: str, report: Report) -> str:
    """One of these."""
    asked = json.loads(request)
    match asked["do"]:
        case "print":
            print(asked["text"])  # noqa: T201
        case "log":
            logging.getLogger("a job").info("told %s", "so")
            logging.getLogger("a job").debug("not that")
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
            flood(int(asked["bytes"]))
        case "close":
            os.close(1)
            os.close(2)
            time.sleep(float(asked["seconds"]))
    return "null"


def flood(size: int) -> None:
    """So many bytes in lines, and a last one."""
    line = b"x" * 9_999 + b"\n"
    for _ in range(size // len(line)):
        os.write(1, line)
    os.write(1, b"the end\n")
