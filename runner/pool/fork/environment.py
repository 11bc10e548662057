"""What keepers and jobs get of the worker's environment. Imports nothing of ours.

Not more than they need: it holds what opens the database, and tokens. As the kernel shows to others
what a process was started with, it has to be left out before keepers are started, not afterwards.
"""

import contextlib
import os
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase

_PASSED = ("PATH", "LANG", "LANGUAGE", "LC_*", "TZ", "PYTHON*", "LD_LIBRARY_PATH")


def is_passed(name: str, more: Collection[str]) -> bool:
    """Whether jobs get a variable: what every program needs, and more by the operator's wish."""
    return name in more or any(fnmatchcase(name, passed) for passed in _PASSED)


@contextlib.contextmanager
def reduced(more: Collection[str]) -> Iterator[None]:
    """A block in which programs are started with no other variables than those.

    For a moment this process has no others either: no thread of it may ask for one meanwhile.
    """
    before = dict(os.environb)
    for name in list(os.environ):
        if not is_passed(name, more):
            del os.environ[name]
    try:
        yield
    finally:
        os.environb.update(before)
