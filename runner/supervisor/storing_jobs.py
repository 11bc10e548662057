"""The jobs of this runner that have returned, and whose files are being stored.

    call returned, with files ──▶ waiting ──▶ a thread stores them ──▶ stored: the job is settled
                                     └────────────┴─ killed, failed ──▶ no file is left

A job holds its slot until its files are stored.
"""

from collections.abc import Sequence

from runner.files.names import InvalidFiles
from runner.supervisor.file_storer import FileStorer, Storing, failed
from runner.supervisor.running_job import Ended, KillReason, RunningJob
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job import Fence
from storage.records.job_file import JobFile


class StoringJobs:
    """Jobs whose files are being stored, and jobs that were killed meanwhile."""

    def __init__(self, storer: FileStorer):
        self._storer = storer
        self._storing: dict[Storing, RunningJob] = {}
        self._killed: list[Ended] = []
        """Those that `collect` has not returned yet."""

    def __len__(self) -> int:
        return len(self._storing) + len(self._killed)

    def __contains__(self, fence: Fence) -> bool:
        killed = [running for running, _ in self._killed]
        return any(running.fence == fence for running in (*self._storing.values(), *killed))

    def fileno(self) -> int:
        """Return a descriptor that is readable while there is something to collect."""
        return self._storer.fileno()

    def take(self, call_id: str, running: RunningJob, outcome: AttemptOutcome) -> list[Ended]:
        """Begin to store the files that a call has left, and return an empty list.

        If it has left none to store, they are deleted, and the list has the job and its outcome.
        """
        if outcome.kind != "returned":
            self._storer.discard(call_id)
            return [(running, outcome)]
        if running.kill_reason:  # too late for the call, but not for its files
            self._storer.discard(call_id)
            return [(running, _killed(outcome))]
        try:
            storing = self._storer.begin(running.job, call_id, outcome)
        except NotADirectoryError:
            self._storer.discard(call_id)
            return [(running, failed(outcome, InvalidFiles("their folder is no folder any more")))]
        except OSError as error:
            self._storer.discard(call_id)
            return [(running, failed(outcome, error))]
        self._storing[storing] = running
        return []

    def collect(self) -> list[Ended]:
        """Return the jobs whose files are stored or cannot be stored, and killed ones."""
        ended, self._killed = self._killed, []
        for storing in self._storer.take_done():
            running = self._storing.pop(storing)
            running.files = storing.files
            ended.append((running, storing.outcome))
        return ended

    def kill(self, fence: Fence, reason: KillReason) -> None:
        """End the storing of a job's files, unless it is done."""
        for storing, running in list(self._storing.items()):
            if running.fence == fence:
                self._kill(storing, running, reason)

    def kill_all(self, reason: KillReason) -> None:
        """End all storing that is not done."""
        for storing, running in list(self._storing.items()):
            self._kill(storing, running, reason)

    def delete(self, files: Sequence[JobFile]) -> None:
        """Delete stored files, unless they have rows: their settlement was refused."""
        self._storer.delete_unused([file.key for file in files])

    def _kill(self, storing: Storing, running: RunningJob, reason: KillReason) -> None:
        if not storing.abort():
            return
        del self._storing[storing]
        running.kill_reason = reason
        self._killed.append((running, _killed(storing.outcome)))
        self._storer.discard(storing.call_id)
        self._storer.notify()


def _killed(outcome: AttemptOutcome) -> AttemptOutcome:
    """Return the outcome of a call that was killed before its files were stored."""
    return outcome._replace(kind="killed", result=None, has_files=False)
