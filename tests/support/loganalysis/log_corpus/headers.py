"""The text around a message: time, host, process, level, component, in the order of each format."""

from collections.abc import Callable
from datetime import datetime
from random import Random

from tests.support.loganalysis.log_corpus.values import fill

Header = Callable[[Random, datetime, str, str], str]
"""Takes random numbers, the time, the level and the message; returns the line."""


def layout(pattern: str, *components: str) -> Header:
    """A header given by a pattern.

    <LEVEL>, <level> and <L> are the level, <C> is one of the components, <ms> are milliseconds, and
    <M> is the message. Names in braces are values. Directives such as %H are as in strftime.
    """

    def line(rng: Random, now: datetime, level: str, message: str) -> str:
        text = pattern.replace("<LEVEL>", level).replace("<level>", level.lower())
        text = text.replace("<L>", level[0]).replace("<ms>", f"{now.microsecond // 1000:03}")
        text = text.replace("<C>", rng.choice(components) if components else "")
        before, _, after = text.partition("<M>")
        return fill(now.strftime(before), rng) + message + fill(now.strftime(after), rng)

    return line


def syslog(*programs: str) -> Header:
    """RFC 3164 as rsyslog writes it to a file."""
    return layout("%b %e %H:%M:%S {host} <C>[{pid}]: <M>", *programs)


ISO = "%Y-%m-%d %H:%M:%S"
