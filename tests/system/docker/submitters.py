"""Clients that submit jobs continuously, and remember the acknowledged ones."""

import http.client
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.waiting import wait_for
from tests.system.docker.client import Client

LOG = b"ERROR one\nWARN two\nERROR three\n" * 100_000
COUNTS = {"ERROR": 200_000, "WARN": 100_000}
PAUSE_SECONDS = 0.02
"""Pause between two submissions. Without it, the worker would be busy long after the fault."""


class Submitters:
    """A thread that submits JSON and one that uploads files, until their listener is gone.

    `sleeps` and `logs` are the ids of the acknowledged jobs.
    """

    def __init__(self, listener: Client):
        self.sleeps: list[str] = []
        self.logs: list[str] = []
        self._refusals: list[AssertionError] = []
        self._stop = threading.Event()
        self._threads = [
            self._start(self.sleeps, lambda: listener.sleep(0)),
            self._start(self.logs, lambda: listener.analyze(LOG)),
        ]

    def busy(self) -> bool:
        """Whether both threads have got some jobs acknowledged."""
        return len(self.sleeps) >= 20 and len(self.logs) >= 3

    def wait_for_the_end(self) -> None:
        """Wait until the listener is gone and both threads have ended."""
        wait_for(lambda: not any(thread.is_alive() for thread in self._threads), timeout=60)
        assert not self._refusals, self._refusals

    def stop(self) -> None:
        """Stop both threads, whether the listener is alive or not."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _start(self, acknowledged: list[str], submit: Callable[[], str]) -> threading.Thread:
        def submit_until_cut_off() -> None:
            try:
                while not self._stop.wait(PAUSE_SECONDS):
                    acknowledged.append(submit())
            except (OSError, http.client.HTTPException, subprocess.CalledProcessError):
                pass  # not acknowledged: the job may exist or not
            except AssertionError as refusal:
                self._refusals.append(refusal)

        thread = threading.Thread(target=submit_until_cut_off, daemon=True)
        thread.start()
        return thread


@contextmanager
def submitting(*listeners: Client) -> Iterator[list[Submitters]]:
    """Submit to each listener for the duration of the block, which begins once all are busy."""
    submitters = [Submitters(listener) for listener in listeners]
    try:
        wait_for(lambda: all(each.busy() for each in submitters), timeout=60)
        yield submitters
    finally:
        for each in submitters:
            each.stop()


def assert_all_are_there(listener: Client, submitters: list[Submitters]) -> int:
    """Raise AssertionError unless all acknowledged jobs succeed with the right result.

    Returns their number.
    """
    for each in submitters:
        for job_id in (*each.sleeps, *each.logs):
            job = listener.final(job_id)
            assert job["status"] == "succeeded", job
            counts = COUNTS if job_id in each.logs else None
            assert job["result"].get("counts") == counts, job
    return sum(len(each.sleeps) + len(each.logs) for each in submitters)
