"""The entry of tests/runner/pool/test_output.py, whose jobs print in various ways."""

import ctypes
import json
import logging
import math
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

Report = Callable[[str], None]


def load() -> Callable[[str, Report], str]:
    """Return the entry."""
    return do


def do(request: str, report: Report) -> str:
    """Do what the request names."""
    call = json.loads(request)
    report_progress(report, call.get("progress", ()))
    take_steps(call.get("steps", ()))
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


def report_progress(report: Report, sizes: list[int]) -> None:
    """Report progress with texts of these sizes."""
    for size in sizes:
        report(json.dumps({"text": "x" * size}))


def take_steps(steps: list[list[Any]]) -> None:
    """Print and log as the steps name it, one after the other."""
    for name, *arguments in steps:
        STEPS[name](*arguments)


def log_step(
    level: int,
    message: str,
    fields: dict[str, Any] | None = None,
    argument: str = "",
    logger: str = "a job",
) -> None:
    """Log a message with fields."""
    extra = {"fields": fields} if fields else None
    arguments = [argument] if argument else []
    logging.getLogger(logger).log(level, message, *arguments, extra=extra)


def raise_step(message: str) -> None:
    """Log an exception."""
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        logging.getLogger("a job").exception(message)


def odd_fields_step() -> None:
    """Log fields that JSON cannot hold, and more than there is room for."""
    loop: list[Any] = []
    loop.append(loop)
    fields = {"set": {1}, "number": math.nan, "loop": loop, "long": "x" * 5000, "last": 1}
    logging.getLogger("a job").info("odd", extra={"fields": fields, "extra": "also"})


def frame_step(header: str, text: str) -> None:
    """Write a frame with any header and text, as only malicious code does it."""
    (handler,) = logging.root.handlers
    key = vars(handler)["_ends"].key
    os.write(1, b"\x1e" + key + header.encode() + b"\x1f" + text.encode())


def redirect_step() -> None:
    """Redirect descriptor 2 to a file, print to sys.stderr, and print the text in the file."""
    with open("errors.txt", "w+") as file:
        os.dup2(file.fileno(), 2)
        sys.stderr.write("lost\n")
        file.seek(0)
        sys.stdout.write(f"the file has: {file.read()}")


STEPS: dict[str, Callable[..., object]] = {
    "out": lambda text: sys.stdout.write(text),
    "err": lambda text: sys.stderr.write(text),
    "shell": lambda script: subprocess.run(["sh", "-c", script], check=True),
    "log": log_step,
    "raise": raise_step,
    "odd fields": odd_fields_step,
    "frame": frame_step,
    "level": lambda logger, level: logging.getLogger(logger).setLevel(level),
    "start method": lambda: sys.stdout.write(multiprocessing.get_start_method()),
    "redirect": redirect_step,
}


def flood(size: int) -> None:
    """Print about `size` bytes in lines, and a last line."""
    line = b"x" * 9_999 + b"\n"
    for _ in range(size // len(line)):
        os.write(1, line)
    os.write(1, b"the end\n")
