"""Gives up the right to gain rights, which a stack of Docker Swarm cannot take from its containers.

Swarm ignores `security_opt: no-new-privileges`. Each program therefore does for itself what that
does: no program that it starts can gain rights by a set-user-ID bit or by file capabilities.
"""

import ctypes
import logging
from pathlib import Path

from storage.telemetry.service_manager import start_level

log = logging.getLogger(__name__)

_SET_NO_NEW_PRIVS, _GET_NO_NEW_PRIVS = 38, 39
_IN_PLACE = ("/.dockerenv", "/run/.containerenv")


def is_in_container() -> bool:
    """Return whether this process is in a container of Docker or Podman."""
    return any(Path(each).exists() for each in _IN_PLACE)


def give_up_new_privileges() -> None:
    """Keep this process, and all that it will start, from gaining rights.

    Log it if the container should have done that.
    """
    libc = ctypes.CDLL(None)
    if libc.prctl(_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1:
        return
    libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if is_in_container():
        fix = "start it with no-new-privileges; in a Swarm, set that for each engine"
        log.log(start_level(), "this container lets programs gain privileges", extra={"fix": fix})
