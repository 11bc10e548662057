"""A job type that runs Python code, for tests of what a job may leave."""

from typing import Any

from runner.job_types.base import Context, JobType, Payload


class ScriptPayload(Payload):
    """`code` uses `context`, and may set `result`."""

    code: str


class Script(JobType[ScriptPayload]):
    """Runs its code."""

    name = "script"
    Payload = ScriptPayload
    upload = "none"

    def run(self, payload: ScriptPayload, context: Context) -> Any:
        names: dict[str, Any] = {"context": context, "result": None}
        exec(payload.code, names)
        return names["result"]
