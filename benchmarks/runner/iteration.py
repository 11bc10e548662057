"""Lists the functions of one iteration of the worker's loop that settles a job and claims the next.

    python -m benchmarks.runner.iteration [--database sqlite|postgresql] [--all]

A worker with one slot runs in this process, on a new store. The iteration begins when it is woken
by the end of a job. `sys.setprofile` reports the functions of this project that are entered until
the next job has been handed to the pool. Each function is listed once, where it is entered first.
Functions that call no other function of the project are left out, unless `--all` is given.

A switch is a step to a function in another file. A return is a switch to a file that was entered
before.
"""

import argparse
import select
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from benchmarks.speed import ours
from tests.support.paths import ROOT
from tests.support.workers import Worker, open_worker

WARM_JOBS = 20
FOLDERS = tuple(f"{ROOT / name}/" for name in ("runner", "storage"))


class Trace:
    """The functions of this project that were entered, in order."""

    def __init__(self) -> None:
        self.entered: dict[CodeType, bool] = {}
        """Each function, and whether it has called another one."""

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Note a call, for `sys.setprofile`."""
        if event != "call" or not is_ours(frame):
            return
        caller = frame.f_back
        while caller and not is_ours(caller):
            caller = caller.f_back
        if caller:
            self.entered[caller.f_code] = True
        self.entered.setdefault(frame.f_code, False)

    def rows(self, leaves: bool) -> Iterator[str]:
        """Return a line for each function, then the counts."""
        codes = [code for code, calls in self.entered.items() if calls or leaves]
        files: list[str] = []
        switches = 0
        for code in codes:
            file = str(Path(code.co_filename).relative_to(ROOT))
            if not files or file != files[-1]:
                switches += bool(files)
                is_return = file in files
                files.append(file)
                yield f"{'(back) ' if is_return else ''}{file}"
            yield f"    {code.co_qualname}"
        distinct = len(set(files))
        returns = switches + 1 - distinct
        yield (f"{len(codes)} functions, {distinct} files, {switches} switches, {returns} returns")


def is_ours(frame: FrameType) -> bool:
    """Whether a frame is of a named function of the worker or the store."""
    code = frame.f_code
    return code.co_filename.startswith(FOLDERS) and not code.co_name.startswith("<")


def main() -> None:
    """Trace one iteration, and print its functions."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runner.iteration")
    parser.add_argument("--database", choices=sorted(ours.DATABASES), default="sqlite")
    parser.add_argument("--all", action="store_true", help="also functions that call no other")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        ours.DATABASES[options.database](Path(name)) as url,
        open_worker(url, Path(name), size=1) as worker,
    ):
        trace = traced_iteration(worker)
    sys.stdout.write("\n".join([*trace.rows(options.all), ""]))


def traced_iteration(worker: Worker) -> Trace:
    """Run some jobs, then trace the iteration that settles one and claims another."""
    job_id = worker.enqueue(payload={"seconds": 0})
    for _ in range(WARM_JOBS):
        worker.ended(job_id)
        job_id = worker.enqueue(payload={"seconds": 0})
    worker.turn_until(lambda: worker.job(job_id).status == "running")
    wait_until_readable(worker.pool.filenos())
    following = worker.enqueue(payload={"seconds": 0})
    trace = Trace()
    sys.setprofile(trace)
    worker.wake()
    worker.supervisor.tick()
    sys.setprofile(None)
    statuses = [str(worker.job(each).status) for each in (job_id, following)]
    if statuses != ["succeeded", "running"]:
        raise SystemExit(f"not the iteration that was meant: {statuses}")
    return trace


def wait_until_readable(descriptors: tuple[int, ...]) -> None:
    """Wait until the worker would be woken by its pool."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    poll.poll()


if __name__ == "__main__":
    main()
