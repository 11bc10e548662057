"""Functions that take different numbers of files, and a class that trips over them."""

from typing import Any

from runner.job_types import Context, File, JobType, Payload, job


@job("pair")
def pair(before: File, after: File) -> list[str]:
    """Take two files."""
    return [before.name, after.name]


@job("some")
def some(first: File, second: File | None = None) -> list[str]:
    """Take one file or two."""
    return [each.name for each in (first, second) if each]


@job("many")
def many(images: list[File]) -> int:
    """Take any number of files."""
    return len(images)


class NoText(Payload):
    """An empty payload."""


class Trips(JobType[NoText]):
    """A job type whose code for files does not work."""

    name = "trips"
    Payload = NoText
    upload = "optional"

    def refuses_files(self, count: int) -> str | None:
        """Exit, as argparse does it."""
        raise SystemExit(2)

    def run(self, payload: NoText, context: Context) -> Any:
        """Do nothing."""
