"""Settings without Pydantic, which takes 6 MB of memory: for a program that has no other use for
it. A child process reads them, and ends."""

import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from storage.settings.settings import Settings

T = TypeVar("T", bound="Settings")


class _Values:
    """The values of settings, under the same names; shows none, as some are secret."""

    def __init__(self, values: dict[str, Any]):
        vars(self).update(values)


def read_in_child(read: Callable[[], T]) -> T:
    """What `read` returns, which is called in a child: fields and properties, but no methods. If it
    exits instead, so does this program, with the same code. Before there are any threads."""
    fork = get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    child = fork.Process(target=_send, args=(theirs, read))
    child.start()
    theirs.close()
    with ours:
        try:
            values = ours.recv()
        except EOFError:
            values = None
    child.join()
    if values is None:
        sys.exit(child.exitcode)
    return cast(T, _Values(values))


def _send(end: Connection, read: Callable[[], "Settings"]) -> None:
    settings = read()
    from pydantic import BaseModel  # not above, see there

    names = [name for name in {*dir(settings)} - {*dir(BaseModel)} if name[0] != "_"]
    values = {name: getattr(settings, name) for name in names}
    end.send({name: value for name, value in values.items() if not callable(value)})
