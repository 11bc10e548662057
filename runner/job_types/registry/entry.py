"""Runs jobs in a job process: `JobEntry` turns a request into a result, both as JSON text."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from loganalysis import flaws
from runner.job_types.base import (
    AnyJobType,
    Context,
    JobError,
    NotRetryable,
    Payload,
    UploadFile,
    to_json,
)
from runner.job_types.json_values import Json
from runner.job_types.registry.found import JobTypes
from runner.job_types.registry.member_files import files_of
from runner.job_types.registry.sources import extend_search_path
from runner.job_types.returned_files import keep_returned_files

TRACEPARENT = "TRACEPARENT"


class JobEntry:
    """Runs requests. `load` in `loader.py` makes it, and describes the requests."""

    def __init__(self, job_types: JobTypes) -> None:
        self._job_types = job_types

    @property
    def notes(self) -> list[Json]:
        """The job types that do not work, as the log of the worker shows them."""
        return [broken.log_fields for broken in self._job_types.broken]

    @property
    def needs(self) -> dict[str, tuple[str, bool]]:
        """The isolation of the jobs of each type, and whether they need the network."""
        return {name: (each.isolation, each.network) for name, each in self._job_types.items()}

    def __call__(self, request: str, report: Callable[[str], None]) -> str:
        """Run a request, and return the result. Raises what the job type raises."""
        extend_search_path()
        fields = json.loads(request)
        os.environ.pop(TRACEPARENT, None)
        if "traceparent" in fields:
            os.environ[TRACEPARENT] = fields["traceparent"]
        job_type = self._job_types.get(fields["type"])
        if job_type is None:
            raise NotRetryable(self._why_missing(fields["type"]))
        upload = _upload(job_type, fields["upload"])
        payload = _payload(job_type, fields["payload"])
        cores = fields.get("cores", 1)
        context = Context(fields["job_id"], fields["attempt"], upload, report, cores)
        context.list_uploads = files_of
        try:
            done = keep_returned_files(job_type.run(payload, context), context)
        finally:
            context.flush()  # a job that fails shows how far it came
        return to_json("result", done)

    def _why_missing(self, name: str) -> str:
        if broken := self._job_types.broken_for(name):
            return f"the job type {name!r} does not work in this worker: {broken.text}"
        return (
            f"there is no job type {name!r} in this worker: it must have the job types of the"
            " listener; start it again with the same files"
        )


def _upload(job_type: AnyJobType, upload: Json | None) -> UploadFile | None:
    wrong = "required" if upload is None else "none"
    if job_type.upload == wrong:
        takes = "needs an" if upload is None else "takes no"
        raise NotRetryable(f"job type {job_type.name!r} {takes} upload")
    if upload is None:
        return None
    if "problem" in upload:
        raise JobError(f"cannot read upload {upload['name']!r}: {upload['problem']}")
    if "path" in upload:
        path = Path(os.path.abspath(upload["path"]))  # seen from the job's folder
        return UploadFile(path, upload["name"], upload["size"])
    if not job_type.network:
        raise NotRetryable(
            f"job type {job_type.name!r} has network = False, and its upload is in S3"
        )
    from runner.job_types.remote_upload import RemoteUpload  # imported late: few jobs need it

    return RemoteUpload(upload["url"], upload["name"], upload["size"])


def _payload(job_type: AnyJobType, payload: Json) -> Payload:
    try:
        valid: Payload = job_type.Payload.model_validate(payload)
    except ValidationError as error:
        # The listener that accepted the payload ran another version of this code.
        found = flaws(error, payload, job_type.Payload)
        problems = "; ".join(f"{flaw.path or 'payload'}: {flaw.detail}" for flaw in found)
        raise NotRetryable(f"payload is not valid: {problems}") from None
    return valid
