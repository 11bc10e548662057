"""Writes a support bundle: a zip file whose texts are all free of secrets."""

import io
import os
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from admin.doctor.findings.subject import Subject
from admin.support_bundle import logs
from admin.support_bundle.contents import Part, parts
from admin.support_bundle.redaction import Redactor
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
