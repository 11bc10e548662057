"""Rules between the fields of a submission, its file, its job type and the settings."""

import logging
import traceback
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import urlsplit

from runner.job_types.base import AnyJobType
from runner.job_types.registry.broken import one_line
from server.documents.job_documents import rfc3339
from server.documents.options.times import parse_time
from server.http.problems import FieldError
from server.jobs.validation.received import FILE_PART, FILES_PART, Received
from storage.records.json_values import Json, JsonValue
from storage.waiting.inputs import FIELD

_NEED_KEYS = {
    "unique": "unique_key",
    "if_exists": "unique_key",
    "max_per_key": "concurrency_key",
}
"""Options that mean something only with a key."""
_SOURCE_EXAMPLE = '{"source": {"job_id": "01a2107d-08cc-73f5-a3eb-bdc8e70382e5"}}'

log = logging.getLogger(__name__)

FAILS = (Exception, SystemExit)
"""What the code of a job type raises if it trips over a submission. argparse exits, which must not
end the listener."""


def conflicts(document: Json, callback_hosts: Collection[str]) -> Iterator[FieldError]:
    """Yield the errors of fields that contradict each other or the settings."""
    url = document.get("callback_url")
    if isinstance(url, str) and (refused := callback_refusal(url, callback_hosts)):
        yield FieldError("callback_url", refused)
    if document.get("run_at") is not None and document.get("delay") is not None:
        yield FieldError("delay", "give either run_at or delay, not both")
    if document.get("expires_at") is not None and document.get("expires_in") is not None:
        yield FieldError("expires_in", "give either expires_at or expires_in, not both")
    if _expires_first(document):
        yield never_starts(document)
    for name, key in _NEED_KEYS.items():
        if document.get(name) is not None and document.get(key) is None:
            yield FieldError(name, f'it needs a {key}, for example "{key}": "sync:customer:42"')
    waits = document.get("after") or document.get("input")
    if document.get("on_failure") is not None and not waits:
        example = '"after": ["01a2107d-08cc-73f5-a3eb-bdc8e70382e5"]'
        detail = f"it needs jobs to wait for, for example {example}"
        yield FieldError("on_failure", detail)


def _expires_first(document: Json) -> bool:
    """Whether a job expires before it may start. Other pairs of times depend on the present time.

    The store compares those: it knows that a repeated submission was stored at its time.
    """
    delay, limit = document.get("delay"), document.get("expires_in")
    if isinstance(delay, int | float) and isinstance(limit, int | float) and limit <= delay:
        return True
    if document.get("expires_at") is None or document.get("run_at") is None:
        return False
    try:
        return parse_time(document.get("expires_at")) <= parse_time(document.get("run_at"))
    except ValueError:
        return False


def never_starts(times: Mapping[str, JsonValue]) -> FieldError:
    """Return the error of a job that expires before it may start, from its options of times."""
    name = "expires_in" if times.get("expires_in") is not None else "expires_at"
    run_at, delay = times.get("run_at"), times.get("delay")
    detail = "it must be in the future"
    if run_at is not None:
        shown = run_at if isinstance(run_at, str) else rfc3339(run_at)
        detail = f"it must be after run_at, {shown}"
    elif delay:
        than = "above the" if name == "expires_in" else "after the end of the"
        detail = f"it must be {than} delay of {delay:g} s"
    return FieldError(name, f"{detail}, or the job would never start", "out_of_range")


def input_errors(document: Json, job_type: AnyJobType | None) -> Iterator[FieldError]:
    """Yield an error if a job gets a result that its type does not take, or that it has already."""
    if not isinstance(document.get("input"), dict) or job_type is None:
        return
    payload = document.get("payload")
    if FIELD not in job_type.Payload.model_fields:
        detail = f"the job type {job_type.name} takes none: its payload has no field {FIELD}"
        yield FieldError("input", detail)
    elif isinstance(payload, dict) and FIELD in payload:
        detail = "the result of the job becomes this field: leave it out"
        yield FieldError(f"payload.{FIELD}", detail)


def file_errors(
    job_type: AnyJobType, received: Received, names_source: bool, names_upload: bool
) -> Iterator[FieldError]:
    """Yield an error if a job lacks a file, or has one that its type does not take."""
    file_part = received.file_part
    if names_upload:
        yield from _upload_errors(job_type, received, names_source)
    elif job_type.upload == "none":
        if file_part:
            yield FieldError(file_part, f"the job type {job_type.name} does not take a file")
    elif file_part and names_source:
        yield FieldError("payload.source", "give either a source or a file, not both")
    elif file_part and received.file_count is not None:
        yield from _count_errors(job_type, received.file_count)
    elif not file_part and not names_source and job_type.upload == "required":
        detail = f"the job type {job_type.name} needs a file:"
        if received.may_have_file:
            how = f"send multipart/form-data with a file part named {FILE_PART}"
            yield FieldError(FILE_PART, f"{detail} {how}", "missing")
        else:
            how = f"name an earlier job that has it, as in {_SOURCE_EXAMPLE}"
            yield FieldError("payload.source", f"{detail} {how}", "missing")


def _count_errors(job_type: AnyJobType, count: int) -> Iterator[FieldError]:
    """Yield an error if a job has fewer or more files than its type takes."""
    try:
        refusal = job_type.refuses_files(count)
    except FAILS as error:
        yield FieldError(FILES_PART, complaint(job_type, "the number of files", error))
        return
    if refusal:
        yield FieldError(FILES_PART, f"the job type {job_type.name}: {refusal}")


def _upload_errors(
    job_type: AnyJobType, received: Received, names_source: bool
) -> Iterator[FieldError]:
    """Yield an error if a job may not use the upload that it names."""
    if job_type.upload == "none":
        yield FieldError("upload", f"the job type {job_type.name} does not take a file")
    elif received.file_part:
        yield FieldError("upload", "give either an upload or a file, not both")
    elif names_source:
        yield FieldError("upload", "give either an upload or payload.source, not both")
    elif not received.may_have_file:
        detail = "only a job that is submitted alone can use an upload"
        yield FieldError("upload", f"{detail}; name an earlier job, as in {_SOURCE_EXAMPLE}")


def callback_refusal(url: str, hosts: Collection[str]) -> str | None:
    """Return why callbacks to this URL are refused, or None if they are allowed.

    Each entry of `hosts` is a host name, which allows any port, or `host:port`. An empty collection
    means that callbacks are switched off.
    """
    if not hosts:
        return "callbacks are switched off: CALLBACK_HOSTS is empty"
    if not url.isprintable() or " " in url:
        return "it contains characters that are not allowed in a URL"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "it is not a URL"
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or parts.fragment:
        return "it must be a URL such as https://host/path, without a user or a fragment"
    port = port or {"http": 80, "https": 443}[parts.scheme]
    if not {host, f"{host}:{port}"} & set(hosts):
        return f"the host {host} is not listed in CALLBACK_HOSTS"
    return None


def complaint(job_type: AnyJobType, what: str, error: BaseException) -> str:
    """Log that a job type cannot check a part of a submission, and return the text for clients."""
    log.exception(f"a job type cannot check {what}", extra={"type": job_type.name})
    reason = one_line("".join(traceback.format_exception_only(error)))
    return f"the job type {job_type.name} cannot check it: {reason}"
