"""Runs checks one after the other, and reports the result and the duration of each."""

import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from typing import ParamSpec

P = ParamSpec("P")


class Report:
    """Counts checks that passed and failed. A check is a function that raises if it fails."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def check(self, function: Callable[P, str | None], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Run a check. Prints the name of the function and the note that it returns."""
        name = function.__name__.replace("_", " ")
        started = time.monotonic()
        try:
            note = function(*args, **kwargs)
        except Exception as error:
            self.failed += 1
            self.say(f"FAIL {time.monotonic() - started:5.1f} s  {name}")
            self.say(_explain(error))
            return False
        self.passed += 1
        self.say(
            f"PASS {time.monotonic() - started:5.1f} s  {name}" + (f": {note}" if note else "")
        )
        return True

    def check_all(
        self,
        functions: Iterable[Callable[P, str | None]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Run several checks with the same arguments."""
        for function in functions:
            self.check(function, *args, **kwargs)

    def say(self, text: str) -> None:
        """Print a text without buffering."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def _explain(error: Exception) -> str:
    """The traceback, and the output of the command if one failed."""
    text = "".join(traceback.format_exception(error))
    if isinstance(error, subprocess.CalledProcessError):
        text += f"{error.stdout or ''}{error.stderr or ''}"
    return "\n".join(f"    {line}" for line in text.splitlines())
