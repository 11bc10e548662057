"""The clock of this machine, and the times in the store."""

import ctypes
import time
from collections.abc import Iterator

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.subject import Subject
from storage.db.clock import clock_of

NAME = "clock"
_RELEASED = 1_735_689_600
"""The first second of 2025: a clock before it was never set."""
_TIME_ERROR = 5
_AHEAD_SECONDS = 60.0
_SKEW_SECONDS = 2.0
_TIMEX_BYTES = 512


def check(subject: Subject) -> Iterator[Finding]:
    """Yield whether the clock is set, and kept by a time server."""
    if subject.now < _RELEASED:
        yield Finding(
            NAME,
            "error",
            f"the clock of this machine says {time.strftime('%Y-%m-%d', time.gmtime(subject.now))}",
            "jobs get wrong times, run late or are deleted early, and TLS fails",
            "timedatectl set-ntp true, or date -s '2026-01-31 12:00:00'",
        )
    elif _is_synchronized() is False:
        yield Finding(
            NAME,
            "note",
            "no time server keeps the clock (adjtimex: not synchronized)",
            "delays, schedules and expiry follow the clock of the store's machine",
            "timedatectl set-ntp true, or install chrony; in a container, on the host",
        )
    else:
        yield ok(NAME, "the clock is set and synchronized")


def check_store(subject: Subject) -> Iterator[Finding]:
    """Yield whether the times in the store lie in the future, or its clock differs."""
    began, store_ms = time.time(), clock_of(subject.database)()
    if subject.postgresql:
        skew = store_ms / 1000 - (began + time.time()) / 2
        if abs(skew) > _SKEW_SECONDS:
            yield Finding(
                NAME,
                "warning",
                f"the clock of the database server is {skew:+.1f} s from this machine's",
                "times in ids of jobs and in logs do not fit each other",
                "run a time server on both machines (chrony)",
            )
    ((newest,),) = subject.reader(0.25).rows(
        "SELECT max(created_at) FROM job WHERE id = (SELECT job_id FROM event WHERE version = "
        "(SELECT max(version) FROM event))"
    )
    if newest is not None and (ahead := (newest - store_ms) / 1000) > _AHEAD_SECONDS:
        yield Finding(
            NAME,
            "warning",
            f"the newest change is of a job that was submitted in {ahead:,.0f} s",
            "the clock was set back: jobs wait until the clock has reached their time, unless a "
            "worker corrects it",
            "correct the clock, and keep a worker running: it makes such jobs due",
        )


def _is_synchronized() -> bool | None:
    """Return whether the kernel says that the clock is synchronized; None if it does not say."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else bool(state != _TIME_ERROR)
