"""What the import of a module leaves behind that would harm the program which imports it."""

import sys
import threading
from collections.abc import Mapping, Set
from functools import cache

LEAVE = "leave it as it is: the whole program uses it"
_END_SECONDS = 0.2
"""How long a thread may take to end after the import."""


@cache
def callables() -> dict[str, Set[str]]:
    """Return the names of what can be called in each imported module of the standard library.

    They are found once, so that forked processes need not do it.
    """
    return {
        name: {key for key, value in vars(module).items() if callable(value)}
        for name, module in sys.modules.copy().items()
        if name.partition(".")[0] in sys.stdlib_module_names and hasattr(module, "__dict__")
    }


def broken_since(before: Mapping[str, Set[str]]) -> str | None:
    """Return what can no longer be imported or called, such as json or builtins.open; or None."""
    for name, keys in before.items():
        if name not in sys.modules:
            continue  # it is imported again when it is needed
        if sys.modules[name] is None:
            return name
        found = vars(sys.modules[name])
        if lost := sorted(key for key in keys if not callable(found.get(key))):
            return f"{name}.{lost[0]}"
    return None


def endless_thread() -> str | None:
    """Return the name of a thread for whose end an exit of this program would wait, or None."""
    mine = threading.current_thread()
    # An exit ends the threads of a ThreadPoolExecutor by itself.
    pools = sys.modules.get("concurrent.futures.thread")
    ended = getattr(pools, "_threads_queues", {})
    for thread in threading.enumerate():
        if thread is not mine and not thread.daemon and thread not in ended:
            thread.join(_END_SECONDS)
            if thread.is_alive():
                return thread.name
    return None
