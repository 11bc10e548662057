"""How long a giant file takes in parts, done by several workers, beside one worker alone.

    python -m benchmarks.analysis.file_parts [--size-mb 537] [--parts 64] [--workers 2] [--runs 5]

On PostgreSQL, with a slot in each worker and files in a folder, on one machine: what more machines
would bring cannot be seen here, but what the parts cost can. Interleaved runs; medians.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.analysis.log_file import make_log
from tests.support.programs import Service, running_service
from tests.support.servers.postgres import synced_database

MB = 1_000_000
PAYLOAD = {"patterns": ["ERROR", "timeout"]}


def store(service: Service, file: Path) -> str:
    """The id of a job that has sent the file, for others to analyze it again."""
    job_id = service.upload(file.read_bytes(), PAYLOAD)
    assert service.result(job_id, timeout=300)["status"] == "succeeded"
    return job_id


def measure(service: Service, source: str, parts: int) -> tuple[float, dict[str, Any]]:
    """Seconds from the start of a job to its end, and its counts."""
    job_id = service.submit("analyze", {**PAYLOAD, "source": {"job_id": source}})
    job = service.result(job_id, timeout=300)
    assert job["status"] == "succeeded", job
    assert (job["progress"].get("parts_total") or 1) == parts, job["progress"]
    return job["attempts"][-1]["seconds"], job["result"]["counts"]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analysis.file_parts")
    parser.add_argument("--size-mb", type=int, default=537)
    parser.add_argument("--parts", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, synced_database() as url:
        log = Path(folder) / "log"
        make_log(log, given.size_mb * MB)
        size = log.stat().st_size
        environ = {"CONCURRENCY_LIMIT": "1", "PARTS_BYTES": str(4 * -(-size // given.parts))}
        with running_service(url, Path(folder), **environ) as service:
            first = service.worker(PARTS_BYTES="0")
            source = store(service, log)
            assert first.stop() == 0
            print(*table(service, source, given), sep="\n")  # noqa: T201


def table(service: Service, source: str, given: argparse.Namespace) -> list[str]:
    """Measure, each in turn."""
    seconds: dict[str, list[float]] = {"one worker": [], "parts": []}
    counts = []
    for _ in range(given.runs):
        alone = service.worker(PARTS_BYTES="0", CONCURRENCY_LIMIT=str(given.workers))
        took, found = measure(service, source, 1)
        seconds["one worker"].append(took)
        counts.append(found)
        assert alone.stop() == 0
        workers = [service.worker() for _ in range(given.workers)]
        took, found = measure(service, source, given.parts)
        seconds["parts"].append(took)
        counts.append(found)
        assert [worker.stop() for worker in workers] == [0] * given.workers
    assert all(each == counts[0] for each in counts)
    rows = [f"| {name} | {statistics.median(each):.2f} |" for name, each in seconds.items()]
    return ["| | s |", "|---|---|", *rows]


if __name__ == "__main__":
    main()
