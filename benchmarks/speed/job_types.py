"""A job that does nothing, so that only the service is measured."""

from typing import Any

from runner.job_types.base import Context, JobType, Payload


class NoPayload(Payload):
    """Nothing is given."""


class Noop(JobType[NoPayload]):
    """Returns at once."""

    name = "noop"
    Payload = NoPayload
    upload = "none"

    def run(self, payload: NoPayload, context: Context) -> Any:
        """Nothing."""
        return None
