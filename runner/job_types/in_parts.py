"""The base class of job types whose jobs can be split into parts.

    plan ──▶ parts ──run_part, each in a process of its own──▶ results ──fold, in order──▶ finish

The service plans a job if its file is large and other workers could help. If the plan has fewer
than two parts, the job runs whole, by `run`. Parts run wherever a slot is free, possibly on several
machines, and a part can run more than once.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.job_types.base import Context, JobType, P


@dataclass(frozen=True)
class Part:
    """A part of a job: what `run_part` needs, and the progress of the part before it starts.

    JSON must be able to hold both. The progress of a job is the sum of the progress of its parts:
    numbers of the same name are added up.
    """

    spec: Any
    progress: dict[str, Any]


class InParts(JobType[P]):
    """A job type that can also run a job in parts, with the same result as `run`."""

    @abstractmethod
    def plan(self, payload: P, context: Context, part_bytes: int) -> list[Part]:
        """Split a job into parts, each for about `part_bytes` bytes of the file.

        Returns an empty list if the file cannot be split.
        """

    @abstractmethod
    def run_part(self, payload: P, context: Context, spec: Any) -> Any:
        """Run a part, and return its result: any value that JSON can hold.

        `spec` is the one from `plan`. Any exception fails the attempt of the whole job.
        """

    @abstractmethod
    def fold(self, payload: P, results: Sequence[Any]) -> Any:
        """Combine the results of consecutive parts into a result of the same form.

        `results` can include earlier return values of `fold`.
        """

    @abstractmethod
    def finish(self, payload: P, context: Context, folded: Any, seconds: float) -> Any:
        """Return the result of the job, from the folded results of all its parts.

        `seconds` is the time since the job was started.
        """
