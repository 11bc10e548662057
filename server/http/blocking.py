"""How calls that block run in threads."""

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class RunBlocking(Protocol):
    """Runs a call in a thread, so that the event loop goes on."""

    async def __call__(self, call: Callable[[], T]) -> T:
        """Return what the call returns."""
