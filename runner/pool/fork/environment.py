"""The environment variables of keepers and jobs: a part of the worker's.

The worker's environment contains the database URL and tokens, which jobs must not see. The kernel
shows the initial environment of a process in /proc for as long as it lives, so the variables must
be removed before keepers are started, not afterwards.
"""

import contextlib
import os
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase

_ALLOWED = ("PATH", "LANG", "LANGUAGE", "LC_*", "TZ", "PYTHON*", "LD_LIBRARY_PATH")


def is_allowed(name: str, extra: Collection[str]) -> bool:
    """Return whether jobs get a variable: one that most programs need, or one named in `extra`."""
    return name in extra or any(fnmatchcase(name, pattern) for pattern in _ALLOWED)


@contextlib.contextmanager
def reduced(extra: Collection[str]) -> Iterator[None]:
    """Start programs within this block with only the allowed variables.

    The variables of this process are removed during the block, so other threads must not read them
    meanwhile.
    """
    before = dict(os.environb)
    for name in list(os.environ):
        if not is_allowed(name, extra):
            del os.environ[name]
    try:
        yield
    finally:
        os.environb.update(before)
