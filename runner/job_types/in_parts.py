"""The contract of job types whose jobs can be cut into parts, run wherever a slot is free.

    plan ──▶ parts ──run_part, each in a process of its own──▶ results ──fold, in order──▶ finish

A job whose file is large, and that could be helped by other workers, is asked to `plan`; if that
gives less than two parts, it is `run` in one place. A part may run more than once, and on another
machine than the others.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.job_types.base import Context, JobType, P


@dataclass(frozen=True)
class JobPart:
    """A part of a job: what `run_part` has to know, and its progress before it begins. JSON both.

    Numbers in the progress of parts are added up, by their names, to that of the job.
    """

    spec: Any
    progress: dict[str, Any]


class InParts(JobType[P]):
    """A job type that has `run`, and these: together they give the same result."""

    @abstractmethod
    def plan(self, payload: P, context: Context, part_bytes: int) -> list[JobPart]:
        """The parts, each for about so many bytes of the file; none if it cannot be cut."""

    @abstractmethod
    def run_part(self, payload: P, context: Context, spec: Any) -> Any:
        """The result of a part: anything that JSON can hold. Raises what it likes."""

    @abstractmethod
    def fold(self, payload: P, results: Sequence[Any]) -> Any:
        """What parts that follow one another have found, as if they were one part."""

    @abstractmethod
    def finish(self, payload: P, context: Context, folded: Any, seconds: float) -> Any:
        """The result of the job, from all parts folded; `seconds` since it has started."""
