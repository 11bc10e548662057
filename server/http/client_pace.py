"""How slow a client may be, and what it can be late with. Imports nothing of ours."""

from dataclasses import dataclass
from enum import StrEnum


class ClientDelay(StrEnum):
    """What a client is late with."""

    IDLE = "a request"
    HEAD = "the head of a request"
    BODY = "a body"
    ANSWER = "the reading of an answer"


@dataclass(frozen=True)
class ClientPace:
    """How long a connection may be idle, how long a client may stall, and its least pace."""

    idle_seconds: float
    slow_seconds: float
    bytes_per_second: float
