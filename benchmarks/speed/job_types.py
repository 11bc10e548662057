"""A job type that does nothing, to measure only the service."""

from typing import Any

from runner.job_types.base import Context, JobType, Payload


class NoopPayload(Payload):
    """Any text."""

    text: str = ""


class Noop(JobType[NoopPayload]):
    """Returns at once."""

    name = "noop"
    Payload = NoopPayload
    upload = "none"

    def run(self, payload: NoopPayload, context: Context) -> Any:
        """Return at once."""
        return None
