"""Which names queues can have. Imports nothing of ours."""

import re

DEFAULT_QUEUE = "default"
"""The queue of jobs that name none; it is always there."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def queue_name(name: str) -> str:
    """The same, if it can be the name of a queue. Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError("it must be 1 to 64 of a-z 0-9 . _ - and begin with a letter or a digit")
    return name
