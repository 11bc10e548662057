"""Reads settings in a child process, so that this process never loads Pydantic (6 MB of memory)."""

import signal
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from storage.settings.settings import Settings

T = TypeVar("T", bound="Settings")


class NoSettings(Exception):
    """The child process could not be started, or was killed."""


class _Values:
    """The values of settings as attributes. Its repr shows no values, as some are secret."""

    def __init__(self, values: dict[str, Any]):
        vars(self).update(values)


def read_in_child(read: Callable[[], T]) -> T:
    """Call `read` in a forked child process; return its settings without their methods.

    If `read` exits the program, this program exits with the same code. Raises NoSettings. Call this
    before starting any threads, because it forks.
    """
    fork = get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    child = fork.Process(target=_send, args=(theirs, read))
    try:
        child.start()
    except OSError as error:
        raise NoSettings(f"no process can be started to read the settings: {error}") from error
    theirs.close()
    with ours:
        try:
            values = ours.recv()
        except EOFError:
            values = None
    child.join()
    if values is not None:
        return cast(T, _Values(values))
    code = child.exitcode or 0
    if code < 0:
        name = next((each.name for each in signal.Signals if each == -code), f"signal {-code}")
        raise NoSettings(f"the process that reads the settings was killed by {name}")
    sys.exit(code)


def _send(connection: Connection, read: Callable[[], "Settings"]) -> None:
    settings = read()
    from pydantic import BaseModel  # only in the child

    names = [name for name in {*dir(settings)} - {*dir(BaseModel)} if name[0] != "_"]
    values = {name: getattr(settings, name) for name in names}
    connection.send({name: value for name, value in values.items() if not callable(value)})
