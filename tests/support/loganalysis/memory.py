"""The peak memory of an analysis, measured in processes of its own, as in the worker.

    python -m tests.support.loganalysis.memory FILE HELPERS RANGE_BYTES < PAYLOAD

prints `Measured` as a JSON object. It runs everything that a job process runs, including the check
of the result. A RANGE_BYTES of 0 keeps the default ranges.
"""

import json
import os
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loganalysis.scan import ranges
from runner.job_types.registry import loader as job_types
from runner.pool.job_process.results import validated_result
from runner.pool.linux.processes import memory_of
from runner.pool.protocol.setup import CallLimits
from tests.support.paths import ROOT


@dataclass(frozen=True)
class Measured:
    """The measured values of an analysis.

    `own` and `helpers` are the peak resident memory, in bytes, of the process that analyzes and of
    its largest helper (0 without helpers). `result` is the length of the result as JSON, `error`
    the error that ended the analysis, `seconds` the CPU seconds of all processes.
    """

    own: int
    helpers: int
    result: int
    error: str | None
    seconds: float


def measure(file: Path, payload: Any, helpers: int = 1, range_bytes: int = 0) -> Measured:
    """Analyze a file in a new process."""
    command = [sys.executable, "-m", "tests.support.loganalysis.memory", str(file), str(helpers)]
    given = json.dumps(payload).encode()
    completed = subprocess.run(
        [*command, str(range_bytes)], input=given, stdout=subprocess.PIPE, cwd=ROOT, check=True
    )
    return Measured(**json.loads(completed.stdout))


def main() -> None:
    """Analyze a file in this process."""
    file, helpers, range_bytes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if range_bytes:
        ranges.RANGE_BYTES, ranges.MIN_BYTES = range_bytes, 2 * range_bytes
    upload = {"path": str(file), "name": file.name, "size": file.stat().st_size}
    request = {"job_id": "", "attempt": 1, "type": "analyze", "upload": upload, "cores": helpers}
    request["payload"] = json.load(sys.stdin)
    entry, error, result = job_types.load(), None, b""
    if child := os.fork():  # as a keeper does, so that the parent's libraries are not counted
        sys.exit(os.waitpid(child, 0)[1])
    try:
        text = entry(json.dumps(request), lambda progress: None)
        result = validated_result(text, CallLimits().max_result_bytes)
    except Exception as failed:
        error = f"{type(failed).__name__}: {failed}"
    own, used = memory_of(os.getpid())[0], resource.getrusage(resource.RUSAGE_CHILDREN)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = sum((used.ru_utime, used.ru_stime, usage.ru_utime, usage.ru_stime))
    measured = Measured(own, used.ru_maxrss * 1024, len(result), error, seconds)
    sys.stdout.write(json.dumps(asdict(measured)))


if __name__ == "__main__":
    main()
