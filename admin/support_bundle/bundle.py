"""Writes a support bundle: a zip file whose texts are all free of secrets.

Apart from logs, the program finds each part by itself, and writes it as text or JSON.
"""

import io
import json
import os
import platform
import resource
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from admin.doctor import report
from admin.doctor.checks.versions import packages
from admin.doctor.examine import examine
from admin.doctor.findings.setting_names import secret_names, setting_names
from admin.doctor.findings.subject import Subject
from admin.support_bundle import logs
from admin.support_bundle.redaction import REMOVED, Redactor
from server.api.monitoring.metrics import exposition
from storage.db.clock import clock_of
from storage.db.schema.state import read_state
from storage.open import runners_folder
from storage.queries.health import oldest_transaction_seconds
from storage.queries.stats import read_stats
from storage.records.json_values import Json, JsonValue
from storage.records.release import RELEASE

README = """Support bundle of job-service {release}

versions.json          versions of the service, Python, the system and all packages
settings.json          the settings that are set; of secrets only that they are
machine.txt            limits, memory, load, mounts and control group
doctor.txt, .json      what `python -m storage doctor` has found
store.json             sizes, schema, counters by job type, queues, workers
metrics.txt            the metrics of all jobs
listener-metrics.txt   the metrics of the listener on this machine, if it answers
logs/                  the ends of the logs that were given, or of the journal

Left out: payloads, results, errors, output, files and tags of jobs, and all secrets. Look through
the texts before you hand them on: they have names of machines, job types, queues and callers.
"""

_SECONDS = 2.0
_FILES = (
    *("/proc/meminfo", "/proc/loadavg", "/proc/uptime", "/proc/pressure/cpu"),
    *("/proc/pressure/io", "/proc/pressure/memory", "/proc/self/limits", "/proc/self/cgroup"),
    *("/proc/self/mountinfo", "/proc/sys/kernel/random/boot_id", "/etc/os-release"),
)
"""Files of the kernel that describe the machine. None has names of users or of their files."""

Part = tuple[str, Callable[[], str]]


def write_bundle(
    subject: Subject, to: str, log_files: Sequence[str], progress: Callable[[str], None]
) -> int:
    """Write the bundle to a file that does not exist, or to standard output for `-`.

    Returns its size in bytes. A part that cannot be made says why. Raises OSError.
    """
    redact = Redactor(subject.environ, subject.settings.data_dir if subject.is_readable else None)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README.format(release=RELEASE))
        for name, make in [*parts(subject), *_logs(log_files)]:
            progress(name)
            archive.writestr(name, redact(_text(make)))
    data = buffer.getvalue()
    if to == "-":
        sys.stdout.buffer.write(data)
    else:
        with open(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    return len(data)


def _logs(files: Sequence[str]) -> Iterator[Part]:
    """Yield the logs that were given; without any, the journal, if it has units of ours."""
    for path, name in logs.names_of(files):
        yield name, partial(_log, path)
    if not files and (text := logs.read_journal()) is not None:
        yield "logs/journal.log", lambda: logs.without_texts_of_jobs(text)


def _log(path: str) -> str:
    return logs.without_texts_of_jobs(logs.read_end(path))


def _text(make: Callable[[], str]) -> str:
    try:
        return make()
    except Exception as error:  # whatever it is: the other parts can still help
        return f"it cannot be read: {error!r}\n"


def parts(subject: Subject) -> Iterator[Part]:
    """Yield each file of the bundle: its name, and what makes its text. That may raise StoreError
    and OSError."""
    yield "versions.json", lambda: to_json(versions())
    yield "settings.json", lambda: to_json(settings(subject))
    yield "machine.txt", machine
    findings = examine(subject)
    yield "doctor.txt", lambda: report.as_text(findings) + "\n"
    yield "doctor.json", lambda: report.as_json(findings, []) + "\n"
    if subject.is_readable and (subject.file is None or subject.file.exists()):
        yield "store.json", lambda: to_json(store(subject))
        yield "metrics.txt", lambda: metrics(subject)
    if subject.is_readable and subject.listener.port:
        yield "listener-metrics.txt", lambda: listener_metrics(subject)


def to_json(document: Mapping[str, JsonValue]) -> str:
    """Return a document as text."""
    return json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"


def versions() -> Json:
    """Return the versions of everything below the service."""
    return {
        "release": RELEASE,
        "python": sys.version,
        "system": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "usable_processors": len(os.sched_getaffinity(0)),
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "packages": dict(sorted(packages().items())),
    }


def settings(subject: Subject) -> Json:
    """Return the settings of listener and worker that are set, and their problems.

    A secret is only said to be set. Other variables of the environment are left out.
    """
    hidden, names = secret_names(), sorted(setting_names())
    given = {name: subject.environ[name] for name in names if subject.environ.get(name)}
    shown = {name: REMOVED if name in hidden else value for name, value in given.items()}
    return {"set": shown, "problems": subject.problems}


def machine() -> str:
    """Return what the kernel says of the machine, and the limits of this process."""
    lines = [f"user {os.geteuid()}, group {os.getegid()}"]
    for name in _FILES:
        try:
            lines += [f"== {name}", Path(name).read_text(errors="replace").rstrip()]
        except OSError as error:
            lines.append(f"cannot be read: {error.strerror}")
    files = resource.getrlimit(resource.RLIMIT_NOFILE)
    return "\n".join([*lines, f"== open files: {files}", ""])


def store(subject: Subject) -> Json:
    """Return the state of the store, without any text of a job: only names of types and queues."""
    database, file = subject.database, subject.file
    clock, state = clock_of(database), read_state(database)
    stats = read_stats(database, clock, runners_folder(subject.settings))
    folder = subject.settings.uploads_folder
    return {
        "kind": "PostgreSQL" if subject.postgresql else "SQLite",
        "files": _sizes(file.parent, f"{file.name}*") if file else {},
        "uploads": _sizes(folder, "*/") if folder else "in a bucket",
        "schema": vars(state),
        "types": {
            name: {"queued": each.queued, "running": each.running, **each.counters}
            for name, each in stats.types.items()
        },
        "queues": [vars(each) for each in stats.queues],
        "runners": [vars(each) for each in stats.runners],
        "schedules": vars(stats.schedules),
    }


def metrics(subject: Subject) -> str:
    """Return the metrics of all jobs, as listeners report them."""
    database = subject.database
    stats = read_stats(database, clock_of(database), runners_folder(subject.settings))
    text, _ = exposition(stats, (), "", None, oldest_transaction_seconds(database))
    return text.decode()


def listener_metrics(subject: Subject) -> str:
    """Return the metrics of the listener on this machine, if it answers without a token."""
    try:
        with urlopen(f"{subject.listener_url}/metrics", timeout=_SECONDS) as answer:
            return str(answer.read().decode())
    except (URLError, OSError, ValueError) as error:
        return f"no listener answers on port {subject.listener.port} without a token: {error}\n"


def _sizes(folder: Path, pattern: str) -> dict[str, int]:
    """Return the sizes of files in bytes; of a folder, the number of its entries."""
    found = dict[str, int]()
    for path in sorted(folder.glob(pattern)):
        found[path.name] = len(os.listdir(path)) if path.is_dir() else path.stat().st_size
    return found
