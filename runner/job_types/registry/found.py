"""The job types that a program has found: working ones with their origins, and broken ones."""

from collections.abc import Iterable
from dataclasses import dataclass

from runner.job_types.base import AnyJobType
from runner.job_types.registry.broken import BrokenType


@dataclass(frozen=True)
class Origin:
    """Where a job type comes from."""

    kind: str
    """built-in, package, folder or installed."""
    place: str
    """The class, as in `my_jobs.resize.Resize`."""
    file: str = ""
    """The path in the folder of job types, if it is there."""
    version: str = ""
    """The version of the installed package, if it is from one."""


class JobTypes(dict[str, AnyJobType]):
    """Job types by their names.

    broken: job types that do not work, and modules that cannot be imported.
    origins: the origins of the job types, by their names.
    packages: the sources of the job types. Finding these again imports nothing on trial.
    """

    def __init__(self, packages: Iterable[str] = (), broken: Iterable[BrokenType] = ()) -> None:
        super().__init__()
        self.packages, self.broken = list(packages), list(broken)
        self.origins: dict[str, Origin] = {}

    def add(self, job_type: AnyJobType, origin: Origin) -> None:
        """Add a job type, whose name must be free."""
        self[job_type.name] = job_type
        self.origins[job_type.name] = origin

    def drop(self, name: str, broken: BrokenType) -> None:
        """Remove a job type that turned out not to work."""
        del self[name], self.origins[name]
        self.broken.append(broken)

    def broken_for(self, name: str) -> BrokenType | None:
        """Return the broken job type that may be meant by a name, or None."""
        return next((each for each in self.broken if each.stands_for(name)), None)
