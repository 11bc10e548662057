"""How long a large file takes in parts on several workers, compared with one worker.

    python -m benchmarks.loganalysis.file_parts [--size-mb 537] [--parts 64] [--workers 2]
        [--runs 5]

Uses PostgreSQL, files in a folder, and workers with one slot each, on one machine. So it shows the
cost of the parts, but not the gain of more machines. Medians of interleaved runs.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.loganalysis.log_file import make_log
from tests.support.programs import Service, running_service
from tests.support.servers.postgres import synced_database

MB = 1_000_000
PAYLOAD = {"patterns": ["ERROR", "timeout"]}


def store(service: Service, file: Path) -> str:
    """Upload the file, and return the id of its job, so that other jobs can analyze it."""
    job_id = service.upload(file.read_bytes(), PAYLOAD)
    assert service.result(job_id, timeout=300)["status"] == "succeeded"
    return job_id


def measure(service: Service, source: str, parts: int) -> tuple[float, dict[str, Any]]:
    """Analyze the file of the job `source`; return the seconds of the attempt and the counts."""
    job_id = service.submit("analyze", {**PAYLOAD, "source": {"job_id": source}})
    job = service.result(job_id, timeout=300)
    assert job["status"] == "succeeded", job
    assert (job["progress"].get("parts_total") or 1) == parts, job["progress"]
    return job["attempts"][-1]["seconds"], job["result"]["counts"]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loganalysis.file_parts")
    parser.add_argument("--size-mb", type=int, default=537)
    parser.add_argument("--parts", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, synced_database() as url:
        log = Path(folder) / "log"
        make_log(log, options.size_mb * MB)
        size = log.stat().st_size
        environ = {"CONCURRENCY_LIMIT": "1", "PARTS_BYTES": str(4 * -(-size // options.parts))}
        with running_service(url, Path(folder), **environ) as service:
            first = service.worker(PARTS_BYTES="0")
            source = store(service, log)
            assert first.stop() == 0
            print(*table(service, source, options), sep="\n")  # noqa: T201


def table(service: Service, source: str, options: argparse.Namespace) -> list[str]:
    """Run both in turn, and return the table."""
    seconds: dict[str, list[float]] = {"one worker": [], "parts": []}
    counts = []
    for _ in range(options.runs):
        alone = service.worker(PARTS_BYTES="0", CONCURRENCY_LIMIT=str(options.workers))
        took, found = measure(service, source, 1)
        seconds["one worker"].append(took)
        counts.append(found)
        assert alone.stop() == 0
        workers = [service.worker() for _ in range(options.workers)]
        took, found = measure(service, source, options.parts)
        seconds["parts"].append(took)
        counts.append(found)
        assert [worker.stop() for worker in workers] == [0] * options.workers
    assert all(each == counts[0] for each in counts)
    rows = [f"| {name} | {statistics.median(each):.2f} |" for name, each in seconds.items()]
    return ["| | s |", "|---|---|", *rows]


if __name__ == "__main__":
    main()
