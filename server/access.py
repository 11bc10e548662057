"""The log of requests. Imports nothing of ours."""

import logging

log = logging.getLogger(__name__)


def log_access(method: str, path: str, status: int, seconds: float, address: str) -> None:
    """One line a request; what went well is only of interest when debugging."""
    level = logging.DEBUG if status < 400 else logging.INFO if status < 500 else logging.WARNING
    if log.isEnabledFor(level):
        ms = round(1000 * seconds, 1)
        extra = {"method": method, "path": path, "status": status, "ms": ms, "address": address}
        log.log(level, "request", extra=extra)
