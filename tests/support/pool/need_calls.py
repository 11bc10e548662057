"""An entry with job types that need a process of their own, for tests of pools."""

import os
import socket
from collections.abc import Callable
from typing import ClassVar

from runner.pool.linux import seccomp
from tests.support.pool import limit_calls
from tests.support.pool.calls import Report

Entry = Callable[[str, Report], str]


class EntryWithNeeds:
    """Runs the functions of limit_calls.py and of this module."""

    needs: ClassVar = {
        "fresh": ("fresh", True),
        "offline": ("caller", False),
        "both": ("fresh", False),
        "shared": ("shared", True),
    }

    def __call__(self, request: str, report: Report) -> str:
        """Run a function, with the functions of this module among the others."""
        vars(limit_calls)["network"] = network
        return limit_calls.entry(request, report)


def load() -> Entry:
    """Return the entry."""
    return EntryWithNeeds()


def load_without_filters() -> Entry:
    """Return the entry, on a kernel without filters of system calls."""
    vars(seccomp)["is_supported"] = lambda: False
    return EntryWithNeeds()


def network(report: Report) -> tuple[int, str]:
    """Return the process, and whether it may use the network."""
    try:
        socket.socket().close()
    except PermissionError:
        return os.getpid(), "refused"
    return os.getpid(), "allowed"
