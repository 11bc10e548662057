"""How slow a client may be, and how it can be too slow. Imports nothing of ours."""

from dataclasses import dataclass
from enum import StrEnum


class ClientDelay(StrEnum):
    """The part of the exchange for which a client took too long; the value is for messages."""

    IDLE = "a request"
    HEAD = "the head of a request"
    BODY = "a body"
    RESPONSE = "the reading of an answer"


@dataclass(frozen=True)
class ClientPace:
    """Time limits for a client, in seconds, and the slowest rate that is not a stall."""

    idle_seconds: float
    slow_seconds: float
    min_bytes_per_second: float
