"""The log of requests and of changes. Imports nothing of ours."""

import logging

log = logging.getLogger(__name__)


def log_access(
    method: str,
    path: str,
    status: int,
    seconds: float,
    address: str,
    caller: str | None,
    request_id: str,
) -> None:
    """Log one request: successes at DEBUG, client errors at INFO, server errors at WARNING."""
    level = logging.DEBUG if status < 400 else logging.INFO if status < 500 else logging.WARNING
    if log.isEnabledFor(level):
        ms = round(1000 * seconds, 1)
        extra = {"method": method, "path": path, "status": status, "ms": ms, "address": address}
        log.log(level, "request", extra=extra | _caller_field(caller) | {"request_id": request_id})


def log_refusal(status: int, code: str, address: str, request_id: str) -> None:
    """Log a request that the connection has refused, before or while it arrived."""
    extra = {"status": status, "code": code, "address": address, "request_id": request_id}
    log.info("request refused", extra=extra)


def log_change(caller: str | None, action: str, **details: str | int) -> None:
    """Log a change that a named caller made. Without tokens, callers have no names: no line."""
    if caller is not None:
        log.info("change", extra={"caller": caller, "action": action, **details})


def _caller_field(caller: str | None) -> dict[str, str]:
    return {} if caller is None else {"caller": caller}
