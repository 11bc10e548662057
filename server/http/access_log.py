"""The log of requests, and of who has changed what. Imports nothing of ours."""

import logging

log = logging.getLogger(__name__)


def log_access(
    method: str, path: str, status: int, seconds: float, address: str, caller: str | None
) -> None:
    """One line a request; what went well is only of interest when debugging."""
    level = logging.DEBUG if status < 400 else logging.INFO if status < 500 else logging.WARNING
    if log.isEnabledFor(level):
        ms = round(1000 * seconds, 1)
        extra = {"method": method, "path": path, "status": status, "ms": ms, "address": address}
        log.log(level, "request", extra=extra | _named(caller))


def log_change(caller: str | None, action: str, **what: str | int) -> None:
    """One line for what a caller has changed; without tokens there is nobody to name."""
    if caller is not None:
        log.info("change", extra={"caller": caller, "action": action, **what})


def _named(caller: str | None) -> dict[str, str]:
    return {} if caller is None else {"caller": caller}
