"""The set `python-tracebacks`: tracebacks as Python 3.11 to 3.13 write them."""

from loganalysis.pattern_sets.pattern import BuiltInPattern as P
from loganalysis.pattern_sets.pattern import BuiltInSet

_QUIET = "2026-11-29 13:12:01,482 INFO orders:"
_HEAD = "Traceback (most recent call last):"


def _exception(name: str, message: str) -> P:
    """A class of exceptions with a message, at the end of a traceback."""
    return P(f"python {name}", f"{name}: ", f"{name}: {message}", f"{_QUIET} handles {name}")


PYTHON_TRACEBACKS = BuiltInSet(
    "python-tracebacks",
    "Tracebacks, frequent exceptions and fatal errors of Python",
    (
        P("python traceback", _HEAD, _HEAD, f"{_QUIET} no Traceback"),
        P(
            "python stack frame",
            '  File "',
            '  File "/srv/app/orders.py", line 42, in load',
            f'{_QUIET} File "a.txt" is stored',
        ),
        P(
            "python direct cause",
            "The above exception was the direct cause of the following exception:",
            "The above exception was the direct cause of the following exception:",
            f"{_QUIET} The above exception was handled",
        ),
        P(
            "python during handling",
            "During handling of the above exception, another exception occurred:",
            "During handling of the above exception, another exception occurred:",
            f"{_QUIET} During handling of the order",
        ),
        P(
            "python exception group",
            "Exception Group Traceback (most recent call last):",
            "  + Exception Group Traceback (most recent call last):",
            _HEAD,
        ),
        P(
            "python fatal error",
            "Fatal Python error: ",
            "Fatal Python error: Segmentation fault",
            f"{_QUIET} Fatal error",
        ),
        P(
            "python lost task exception",
            "Task exception was never retrieved",
            "2026-11-29 13:12:01,482 ERROR asyncio: Task exception was never retrieved",
            f"{_QUIET} Task was retrieved",
        ),
        P(
            "python coroutine never awaited",
            " was never awaited",
            "orders.py:42: RuntimeWarning: coroutine 'load' was never awaited",
            f"{_QUIET} it was never called",
        ),
        P(
            "python MemoryError",
            "MemoryError",
            "MemoryError",
            f"{_QUIET} Memory error",
        ),
        P(
            "python CancelledError",
            "asyncio.exceptions.CancelledError",
            "asyncio.exceptions.CancelledError",
            f"{_QUIET} handles CancelledError",
        ),
        _exception("AssertionError", "1 != 2"),
        _exception("AttributeError", "'NoneType' object has no attribute 'id'"),
        _exception("ConnectionRefusedError", "[Errno 111] Connection refused"),
        _exception("ConnectionResetError", "[Errno 104] Connection reset by peer"),
        _exception("FileNotFoundError", "[Errno 2] No such file or directory: 'a.txt'"),
        _exception("ImportError", "cannot import name 'load' from 'orders'"),
        _exception("IndexError", "list index out of range"),
        _exception("KeyError", "'id'"),
        _exception("ModuleNotFoundError", "No module named 'orders'"),
        _exception("NameError", "name 'load' is not defined"),
        _exception("OSError", "[Errno 28] No space left on device"),
        _exception("PermissionError", "[Errno 13] Permission denied: 'a.txt'"),
        _exception("RecursionError", "maximum recursion depth exceeded"),
        _exception("RuntimeError", "Event loop is closed"),
        _exception("TimeoutError", "timed out"),
        _exception("TypeError", "unsupported operand type(s) for +: 'int' and 'str'"),
        _exception("UnicodeDecodeError", "'utf-8' codec can't decode byte 0xff in position 0"),
        _exception("ValueError", "invalid literal for int() with base 10: 'x'"),
        _exception("ZeroDivisionError", "division by zero"),
    ),
)
