"""Queued jobs that no worker can run, and workers that hang."""

import json
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.subject import Subject
from admin.store_checks.reading import Reader
from runner.job_types.registry import loader
from storage.liveness.lost_runners import LostRunner, lost_runners
from storage.liveness.runners import RegisteredRunner, registered_runners
from storage.open import runners_folder
from storage.records.counted import counted
from storage.records.job_limits import allows
from storage.telemetry.privileges import is_in_container

NAME = "jobs"
TYPES = "job_types"

_WORKER_NAME = re.compile(r"(?P<host>.+)-(?P<pid>[0-9]+)-(?P<boot>[0-9a-f]{8})-[0-9a-f]{6}")
"""The name of a worker: the name of its host, its process id, and the start of its boot id."""
_CONTAINER_ID = re.compile(r"[0-9a-f]{12}")
"""Docker and Podman give a container the start of its id as the name of its host."""

_Cause = Literal["no queue", "paused", "no worker", "no worker for the queue", "no type", "limits"]


@dataclass(frozen=True)
class Stranded:
    """Queued jobs that nobody can run, why, and the queue, the type or the limits concerned."""

    cause: _Cause
    name: str
    jobs: int


def check(subject: Subject) -> Iterator[Finding]:
    """Yield broken job types, workers that hang, and jobs that nobody can run."""
    types, broken = _types(subject)
    yield from broken
    runners = registered_runners(subject.database, runners_folder(subject.settings))
    stale = [each for each in runners if each.is_stale]
    yield from (_hanging(subject, each) for each in stale)
    lost = lost_runners(subject.database)
    yield from (_lost(subject, each, runners) for each in lost)
    alive = [each for each in runners if not each.is_stale]
    known = types if not broken else None
    found = list(stranded_jobs(subject.reader(), subject.postgresql, alive, known))
    yield from map(_stranded, found)
    if not stale and not lost and not found:
        workers = counted(len(alive), "worker runs, and it", "workers run, and they")
        yield ok(NAME, f"{workers} can run all queued jobs")


def _types(subject: Subject) -> tuple[set[str], list[Finding]]:
    """Return the names of the job types, and a finding for each broken one."""
    try:
        found = loader.find(subject.settings.job_type_sources)
    except loader.JobTypesError as error:
        cannot = Finding(
            TYPES,
            "error",
            str(error),
            "neither listener nor worker can start",
            "python -m runner types check",
        )
        return set(), [cannot]
    loader.drop_missing_programs(found)
    broken = [
        Finding(
            TYPES,
            "error",
            f"{each.place}: {each.reason.splitlines()[0]}",
            "its jobs are refused with 422, or fail",
            f"{each.remedy}; python -m runner types check",
        )
        for each in found.broken
    ]
    return set(found), broken


def _lost(subject: Subject, lost: LostRunner, runners: Sequence[RegisteredRunner]) -> Finding:
    """Return the finding about a worker whose lease has ended. It is only a note if another worker
    runs on the same host, which is probably its successor."""
    hosts = {_host_of(each.name) for each in runners if not each.is_stale}
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(subject.now - lost.heartbeat_age))
    fate = ["it held no job"] if not lost.queued_again + lost.ended else list[str]()
    if lost.queued_again:
        again = "of its jobs was queued again", "of its jobs were queued again"
        fate.append(counted(lost.queued_again, *again))
    if lost.ended:
        fate.append(f"{lost.ended} of its jobs ended, lost too often or canceled")
    return Finding(
        NAME,
        "note" if _host_of(lost.name) in hosts else "warning",
        f"worker {lost.name} has not been heard from since {since}: {', '.join(fate)}",
        "its slots are missing, if it is only stopped or cut off",
        f"{way_to_end(lost.name, subject.environ)}; none is needed if its machine is gone for "
        "good: this finding ends after a day",
    )


def _hanging(subject: Subject, runner: RegisteredRunner) -> Finding:
    silence = f"it has been silent for {runner.heartbeat_age or 0.0:.0f} s"
    age = "its lease has ended" if runner.lease_ended else silence
    return Finding(
        NAME,
        "warning",
        f"worker {runner.name} hangs or is stopped: {age}, and it holds "
        f"{counted(runner.held, 'job')}",
        "its jobs do not end, and no other worker takes them while it may live",
        f"{way_to_end(runner.name, subject.environ)}: another worker takes its jobs over",
    )


_TEXTS = {
    "no queue": (
        "error",
        "queue {name} does not exist",
        "no worker looks for jobs there",
        "jobservice queues create {name}, or PUT /queues/{name}",
    ),
    "paused": (
        "note",
        "queue {name} is paused",
        "its jobs wait until it is resumed",
        "jobservice queues resume {name}, or PUT /queues/{name} with paused false",
    ),
    "no worker": (
        "warning",
        "no worker runs, for queue {name}",
        "its jobs wait until one is started",
        "python -m runner, with the same DATABASE_URL or DATA_DIR",
    ),
    "no worker for the queue": (
        "warning",
        "no worker takes jobs from queue {name}",
        "its jobs wait until one does",
        "start a worker with QUEUES={name}, or without QUEUES",
    ),
    "no type": (
        "warning",
        "there is no job type {name} here",
        "its jobs fail when a worker without the type starts them",
        "set JOB_TYPES, JOB_TYPES_FOLDER and COMMANDS_FILE as for the listener that took them; "
        "python -m runner types check",
    ),
    "limits": (
        "warning",
        "no worker allows the limits {name}",
        "its jobs wait until one does",
        "start a worker with higher JOB_MEMORY_BYTES, JOB_CPU_SECONDS and LOG_BYTES; nice must be "
        "at least 5",
    ),
}
"""For each cause: the level, what was found, why it matters, and what mends it."""


def _stranded(found: Stranded) -> Finding:
    level, what, why, fix = (each.format(name=found.name) for each in _TEXTS[found.cause])
    shown = f"{counted(found.jobs, 'queued job')} cannot run: {what}"
    return Finding(NAME, level, shown, why, fix)  # type: ignore[arg-type]  # a level


def _host_of(name: str) -> str:
    """Return the host in the name of a worker; the whole name if it has another form."""
    found = _WORKER_NAME.fullmatch(name)
    return found["host"] if found else name


def way_to_end(name: str, environ: Mapping[str, str]) -> str:
    """Return the commands that continue or end a worker that hangs.

    Below Docker and Kubernetes, the process id in its name counts only within its container.
    """
    host = _host_of(name)
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


def stranded_jobs(
    reader: Reader,
    postgresql: bool,
    runners: Sequence[RegisteredRunner],
    types: Collection[str] | None,
) -> Iterator[Stranded]:
    """Yield the groups of queued jobs that nobody can run.

    `runners` are the runners that are alive. `types` are the names of the job types, None if they
    are unknown. Raises TookTooLong and StoreError.
    """
    queues = {
        str(name): paused for name, paused in reader.rows("SELECT name, paused_at FROM queue")
    }
    index = "" if postgresql else " INDEXED BY job_unfinished"
    queued = f"FROM job{index} WHERE finished_at IS NULL AND status = 'queued'"
    groups = reader.rows(f"SELECT queue, type, count(*) {queued} GROUP BY queue, type")
    by_queue, by_type = dict[str, int](), dict[str, int]()
    for queue, type, count in groups:
        by_queue[queue] = by_queue.get(queue, 0) + count
        by_type[type] = by_type.get(type, 0) + count
    for queue, count in sorted(by_queue.items()):
        if cause := _cause(queue, queues, runners):
            yield Stranded(cause, queue, count)
    for type, count in sorted(by_type.items()):
        if types is not None and type not in types:
            yield Stranded("no type", type, count)
    if runners:
        yield from _beyond_limits(reader, queued, runners)


def _cause(
    queue: str, queues: dict[str, int | None], runners: Sequence[RegisteredRunner]
) -> _Cause | None:
    if queue not in queues:
        return "no queue"
    if queues[queue] is not None:
        return "paused"
    if not runners:
        return "no worker"
    return None if any(each.takes(queue) for each in runners) else "no worker for the queue"


def _beyond_limits(
    reader: Reader, queued: str, runners: Sequence[RegisteredRunner]
) -> Iterator[Stranded]:
    """Yield the groups of jobs whose own limits no worker allows."""
    groups = reader.rows(f"SELECT limits, count(*) {queued} AND limits IS NOT NULL GROUP BY limits")
    for text, count in groups:
        limits = json.loads(text)
        if not any(allows(each.limits, limits) for each in runners):
            yield Stranded("limits", ", ".join(f"{k}={v}" for k, v in limits.items()), count)
