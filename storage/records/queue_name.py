"""The names of queues. Imports nothing of ours."""

import re

DEFAULT_QUEUE = "default"
"""The queue of jobs that name none. It always exists."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def is_queue_name(name: str) -> bool:
    """Return whether `name` is a valid name for a queue."""
    return _NAME.fullmatch(name) is not None


def validate_queue_name(name: str) -> str:
    """Return `name` if it is a valid name for a queue. Raises ValueError otherwise."""
    if not is_queue_name(name):
        raise ValueError("it must be 1 to 64 of a-z 0-9 . _ - and begin with a letter or a digit")
    return name
