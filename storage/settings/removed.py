"""Settings of earlier releases that no program reads any more."""

import logging
import os
from collections.abc import Mapping

log = logging.getLogger(__name__)

REMOVED = {
    "PARTS_BYTES": "remove it: one worker analyzes a file, with all idle processors of its machine",
    "AWS_SESSION_TOKEN_FILE": "name a file with key, secret and token in "
    "AWS_SHARED_CREDENTIALS_FILE",
    "FAST_PATH": "remove it: the listener answers simple requests on the fast path",
    "JOBS_PER_PROCESS": "remove it, or set isolation = 'fresh' in job types, for a process of "
    "its own for each job",
    "JOB_CGROUPS": "remove it: jobs have control groups if a group is delegated to the worker",
    "JOB_FILES": "remove it: a job may leave 1,000 files; let it leave an archive of more",
    "JOB_FILE_BYTES": "set JOB_FOLDER_BYTES, which also limits each file that a job writes",
    "JOB_NAMESPACES": "remove it: jobs have mount namespaces if the system allows it; "
    "JOB_WRITE_PATHS=/dev/shm shares that folder",
    "JOB_NICE": "remove it, and start the worker with nice: jobs add 5 to its niceness",
    "JOB_OPEN_FILES": "limit the open files of the worker: ulimit -n, or LimitNOFILE of systemd",
    "MAX_BATCH_BYTES": "remove it: a batch may have 16 MiB",
    "MAX_CONNECTIONS": "limit the open files of the listener: it serves half as many connections",
    "MAX_DATA_BYTES": "remove it: a file may expand to 256 GiB",
    "MAX_DATA_RATIO": "remove it: a file may expand to 1 GiB, or to 1,000 times its size",
    "MAX_HEADER_BYTES": "remove it: the head of a request may have 16 KiB",
    "MAX_JSON_BYTES": "remove it: JSON may have 1 MiB; send more as a file",
    "MAX_STREAMS": "remove it: 2,000 event streams may be open, and half as many as connections",
    "MIN_BYTES_PER_SECOND": "remove it: a client may be as slow as 1,024 bytes per second",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "remove it, and give the collector's address for OTLP over HTTP "
    "(http/protobuf), usually with port 4318",
    "RATE_BURST": "remove it: twice RATE_LIMIT, and at least 20 requests, may come at once",
    "SLOW_SECONDS": "remove it: a client may stall for 10 seconds",
    "UPLOAD_KEEP_SECONDS": "remove it: a resumable upload is kept for a day after its last change",
    "WATCHDOG_SECONDS": "remove it: a worker that hangs for 120 seconds is ended",
}
"""What to do about each, by its name."""


def warn_of_removed_settings(environ: Mapping[str, str] = os.environ) -> None:
    """Log a warning for each removed setting that still has a value."""
    for name, advice in REMOVED.items():
        if environ.get(name, "").strip():
            log.warning("a setting does nothing any more", extra={"setting": name, "do": advice})
