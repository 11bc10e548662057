"""Queued jobs that no worker can run, and workers that hang."""

import time
from collections.abc import Iterator, Sequence

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.subject import Subject
from admin.doctor.findings.worker_processes import host_of, way_to_end
from admin.store_checks.stranded import Stranded, stranded_jobs
from runner.job_types.registry import loader
from storage.liveness.lost_runners import LostRunner, lost_runners
from storage.liveness.runners import RegisteredRunner, registered_runners
from storage.open import runners_folder
from storage.records.counted import counted

NAME = "jobs"
TYPES = "job_types"


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
    hosts = {host_of(each.name) for each in runners if not each.is_stale}
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(subject.now - lost.heartbeat_age))
    fate = ["it held no job"] if not lost.queued_again + lost.ended else list[str]()
    if lost.queued_again:
        again = "of its jobs was queued again", "of its jobs were queued again"
        fate.append(counted(lost.queued_again, *again))
    if lost.ended:
        fate.append(f"{lost.ended} of its jobs ended, lost too often or canceled")
    return Finding(
        NAME,
        "note" if host_of(lost.name) in hosts else "warning",
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
