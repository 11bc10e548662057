"""A listener and a worker on a scratch store, for `doctor --bench`."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from admin.doctor.trials.scratch import ROOT
from storage.records.job import StoreError

_START_SECONDS, _STOP_SECONDS, _POLL_SECONDS = 60.0, 15.0, 0.02


@contextmanager
def program(
    name: str, folder: Path, environ: Mapping[str, str], message: str
) -> Iterator[dict[str, object]]:
    """Run `python -m NAME`, and yield its log entry with this message when it is there.

    Stops the program at the end. Raises StoreError with its last line if it ends before.
    """
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", name],
            cwd=ROOT,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield _entry(process, log, message)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
        process.kill()
        process.wait()


def _entry(process: "subprocess.Popen[bytes]", log: Path, message: str) -> dict[str, object]:
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        complete, _, _ = log.read_text().rpartition("\n")
        for line in complete.splitlines():
            entry: dict[str, object] = json.loads(line) if line.startswith("{") else {}
            if entry.get("message") == message:
                return entry
        time.sleep(_POLL_SECONDS)
    last = log.read_text().rstrip().rpartition("\n")[2]
    raise StoreError(f"a program of the trial does not start: {last or 'it is too slow'}")
