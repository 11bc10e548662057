"""How an operator continues or ends a worker that hangs, by its name."""

import re
from collections.abc import Mapping

from storage.telemetry.privileges import is_in_container

_NAME = re.compile(r"(?P<host>.+)-(?P<pid>[0-9]+)-(?P<boot>[0-9a-f]{8})-[0-9a-f]{6}")
"""The name of a worker: the name of its host, its process id, and the start of its boot id."""
_CONTAINER_ID = re.compile(r"[0-9a-f]{12}")
"""Docker and Podman give a container the start of its id as the name of its host."""


def host_of(name: str) -> str:
    """Return the host in the name of a worker; the whole name if it has another form."""
    found = _NAME.fullmatch(name)
    return found["host"] if found else name


def way_to_end(name: str, environ: Mapping[str, str]) -> str:
    """Return the commands that continue or end a worker that hangs.

    Below Docker and Kubernetes, the process id in its name counts only within its container.
    """
    host = host_of(name)
    if "KUBERNETES_SERVICE_HOST" in environ:
        return f"end it (kubectl delete pod {host})"
    if host != name and (_CONTAINER_ID.fullmatch(host) or is_in_container()):
        return (
            f"on its machine, continue it (docker unpause {host}) if it is paused, or else restart "
            f"it (docker restart {host}, or docker compose restart worker)"
        )
    return (
        "continue it (kill -CONT) or end it (kill -9); the process id is the number behind the "
        "host in its name"
    )
