"""Limits the callbacks in flight: hosts that do not respond leave most slots to the others.

Imports no other module of the service.
"""

from collections import Counter

MAX_IN_FLIGHT = 16
_MAX_UNRESPONSIVE = 2
"""The limit of callbacks in flight to a host that did not respond last time, or was never tried."""
_RETRY_UNTRIED_SECONDS, _RETRY_UNRESPONSIVE_SECONDS = 1.0, 10.0
"""How long callbacks to such a host are postponed when the limit is reached."""


class CallbackSlots:
    """The slots in use. A host is a name with its port."""

    def __init__(self) -> None:
        self._in_flight: Counter[str] = Counter()
        self._responded: dict[str, bool] = {}

    @property
    def free(self) -> int:
        """The number of free slots."""
        return MAX_IN_FLIGHT - self._in_flight.total()

    def acquire(self, host: str) -> float:
        """Take a slot for a host, and return 0.

        If the host has too many slots already, return the seconds to wait instead.
        """
        responded = self._responded.get(host)
        if not responded and self._in_flight[host] >= _MAX_UNRESPONSIVE:
            return _RETRY_UNTRIED_SECONDS if responded is None else _RETRY_UNRESPONSIVE_SECONDS
        self._in_flight[host] += 1
        return 0.0

    def release(self, host: str, responded: bool) -> None:
        """Give a slot back, and note whether the host sent a response, whatever its status."""
        self._in_flight[host] -= 1
        self._responded[host] = responded
