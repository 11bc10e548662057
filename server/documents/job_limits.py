"""Says which workers do not allow the own limits of a job, and what they allow."""

from collections.abc import Iterator, Sequence

from server.http.problems import FieldError
from storage.liveness.runners import RegisteredRunner
from storage.records.job import Job, NewJob
from storage.records.job_limits import LEAST, SETTINGS, OwnLimits

_MAX_NAMED = 5
"""How many workers an error names."""


def limits_refused(job: Job, refusing: Sequence[RegisteredRunner]) -> str:
    """Say that no living worker allows the limits of a job, and what each of them allows."""
    own = job.limits or {}
    asked = ", ".join(f"{name} of {value}" for name, value in own.items())
    return f"no live runner of the queue {job.queue} allows {asked}: {_allowed(own, refusing)}"


def limit_errors(job: NewJob, refusing: Sequence[RegisteredRunner]) -> Iterator[FieldError]:
    """Yield an error for each limit that none of these runners allows.

    If some runner allows each limit, but none allows them together, the first one has an error.
    """
    own = job.limits or {}
    refused = [set(own if each.limits is None else each.limits.refused(own)) for each in refusing]
    by_none = [name for name in own if all(name in each for each in refused)]
    for name in by_none:
        detail = f"no live worker of the queue {job.queue} allows {own[name]}"
        allowed = _allowed({name: own[name]}, refusing)
        yield FieldError(name, f"{detail}: {allowed}", "out_of_range")
    if not by_none:
        first, *others = own
        together = f"{own[first]} together with {', '.join(others)}"
        detail = f"no live worker of the queue {job.queue} allows {together}"
        yield FieldError(first, f"{detail}: {_allowed(own, refusing)}", "out_of_range")


def _allowed(own: OwnLimits, runners: Sequence[RegisteredRunner]) -> str:
    named = [f"{each.name} allows {_bounds(own, each)}" for each in runners[:_MAX_NAMED]]
    more = f", and {len(runners) - _MAX_NAMED} more" if len(runners) > _MAX_NAMED else ""
    return "; ".join(named) + more


def _bounds(own: OwnLimits, runner: RegisteredRunner) -> str:
    if runner.limits is None:
        return "none, because it runs an earlier release"
    return ", ".join(_bound(name, getattr(runner.limits, name)) for name in own)


def _bound(name: str, value: int | None) -> str:
    if value is None:
        return f"any {name}"
    return f"at least {value}" if name in LEAST else f"at most {value} ({SETTINGS[name]})"
