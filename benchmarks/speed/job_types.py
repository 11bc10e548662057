"""A job type that does nothing, to measure only the service."""

from typing import Any

from runner.job_types.base import Context, JobType, Payload


class NoPayload(Payload):
    """An empty payload."""


class Noop(JobType[NoPayload]):
    """Returns at once."""

    name = "noop"
    Payload = NoPayload
    upload = "none"

    def run(self, payload: NoPayload, context: Context) -> Any:
        """Return at once."""
        return None
