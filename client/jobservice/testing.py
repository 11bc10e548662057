"""A service for tests of programs that use the client: it runs jobs in this process, at once.

    fake = FakeService(greet, render=lambda scene: {"frames": 3})
    with fake.client() as client:
        assert client.call(greet, "you", CONTEXT).result() == {"text": "hello you"}
    assert fake.jobs[0]["payload"] == {"name": "you"}

A function that is decorated with `@job` runs as in a worker: its payload is checked, and it gets
its files. Any other function stands in for a job type: it gets the payload as keyword arguments.
Options such as `queue` and `delay` are stored with the job, and change nothing.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Callable
from datetime import datetime, timezone
from email import message_from_bytes
from pathlib import Path

import httpx

from jobservice._async.client import AsyncClient
from jobservice._sync.client import Client
from jobservice.json_values import Json, JsonValue

URL = "http://fake-job-service"


class FakeService:
    """Runs the functions of job types, and keeps the jobs until it is garbage.

    It takes submissions, gets, lists, cancels, retries and deletes jobs, and returns their files.
    For any other request, the client raises ApiError 501: use a real service for that.
    """

    def __init__(self, *functions: Callable[..., object], **others: Callable[..., object]):
        """`functions` are decorated with `@job`; `others` are functions by the name of a type."""
        self._kinds: Json = {}
        for each in functions:
            kind = getattr(each, "job_type", None)
            if kind is None:
                raise TypeError(f"decorate {each!r} with @job, or give it as NAME=function")
            self._kinds[kind.name] = kind
        self._functions = others
        self.jobs: list[Json] = []
        """The documents of all jobs, in the order of their submissions."""
        self._given: dict[str, dict[str, Path]] = {}
        self._left: dict[str, dict[str, Path]] = {}
        self._folder = tempfile.mkdtemp(prefix="jobservice-fake-")
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def client(self) -> Client:
        """Return a client of this service."""
        return Client(URL, "", transport=httpx.MockTransport(self._answer))

    def async_client(self) -> AsyncClient:
        """Return an asynchronous client of this service. Jobs block its event loop."""
        return AsyncClient(URL, "", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = [part for part in request.url.path.split("/") if part]
        try:
            if path == ["jobs"] and request.method == "POST":
                return self._submit(request)
            if path == ["jobs"] and request.method == "GET":
                return self._list(request.url.params)
            if path[:1] == ["jobs"] and len(path) > 1:
                return self._of_job(request.method, path[1], path[2:])
        except _Problem as problem:
            return problem.response
        return _missing(f"{request.method} {request.url.path}").response

    def _submit(self, request: httpx.Request) -> httpx.Response:
        kind = request.headers.get("content-type", "")
        body, files = request.content, dict[str, bytes]()
        if kind.startswith("multipart/form-data"):
            document, files = _read_form(kind, body)
        else:
            document = json.loads(body)
        if document["type"] not in {*self._kinds, *self._functions}:
            known = ", ".join(sorted({*self._kinds, *self._functions})) or "none"
            detail = f"type: FakeService has no {document['type']!r}; it has {known}"
            raise _Problem(422, "invalid_request", detail, "type")
        job = {"job_id": str(uuid.uuid4()), "status": "queued", **document}
        folder = Path(self._folder, job["job_id"], "uploads")
        folder.mkdir(parents=True)
        self._given[job["job_id"]] = {name: folder / Path(name).name for name in files}
        for name, path in self._given[job["job_id"]].items():
            path.write_bytes(files[name])
        self._run(job)
        self.jobs.append(job)
        return httpx.Response(201, json=job)

    def _run(self, job: Json) -> None:
        """Run a job, and store its end in its document. Raises _Problem for a wrong payload."""
        began, number = _now(), job.get("attempt", 0) + 1
        outcome: Json = {"status": "succeeded", "result": None, "error": None}
        try:
            outcome["result"] = self._call(job, number)
        except Exception as error:
            if type(error).__name__ == "InvalidPayload":
                raise _Problem(422, "invalid_request", str(error), "payload") from None
            outcome["status"] = "failed"
            outcome["error"] = {"type": type(error).__name__, "message": str(error)}
        times = {"started_at": began, "finished_at": _now()}
        attempt = {"attempt": number, "runner": "fake", **times, "error": outcome["error"]}
        job.update(outcome, **times, attempt=number, created_at=job.get("created_at", began))
        job["attempts"] = [*job.get("attempts", []), attempt]

    def _call(self, job: Json, number: int) -> object:
        job_id, payload = job["job_id"], job.get("payload") or {}
        kind, files = self._kinds.get(job["type"]), self._given[job_id]
        if kind is None:
            return json.loads(json.dumps(self._functions[job["type"]](**payload)))
        work = Path(self._folder, job_id, f"attempt-{number}")
        work.mkdir()
        result, folder = kind.run_here(payload, files, work)
        left = sorted(path for path in folder.rglob("*") if path.is_file())
        self._left[job_id] = {str(path.relative_to(folder)): path for path in left}
        job["files"] = len(left)
        return result

    def _list(self, parameters: httpx.QueryParams) -> httpx.Response:
        if ids := parameters.get_list("id"):
            found = [job for job in self.jobs if job["job_id"] in ids]
            unknown = [each for each in ids if each not in {job["job_id"] for job in found}]
            return httpx.Response(200, json={"items": found, "unknown": unknown})
        names = set(parameters) - {"limit", "cursor"}
        if names - {"status", "type", "queue"}:
            raise _missing(f"filter by {', '.join(sorted(names))}")
        chosen = {name: parameters.get_list(name) for name in names}
        found = [
            job
            for job in reversed(self.jobs)
            if all(job.get(name, "default") in values for name, values in chosen.items())
        ]
        return httpx.Response(200, json={"items": found, "next": None})

    def _of_job(self, method: str, job_id: str, rest: list[str]) -> httpx.Response:
        job = next((each for each in self.jobs if each["job_id"] == job_id), None)
        if job is None:
            raise _Problem(404, "job_not_found", f"there is no job {job_id}")
        if method == "GET" and not rest:
            return httpx.Response(200, json=job)
        if method == "GET" and rest[0] == "files":
            return self._file_of(job_id, "/".join(rest[1:]))
        if method == "DELETE" and not rest:
            self.jobs.remove(job)
            return httpx.Response(204)
        if (method, rest) == ("POST", ["retry"]) and job["status"] == "failed":
            self._run(job)
            job["client_retries"] = job.get("client_retries", 0) + 1
            return httpx.Response(200, json={"job_id": job_id, "status": job["status"]})
        if method == "POST" and rest in (["cancel"], ["retry"]):
            raise _Problem(409, "job_ended", f"the job has ended: it {job['status']}")
        raise _missing(f"{method} /jobs/{job_id}/{'/'.join(rest)}")

    def _file_of(self, job_id: str, name: str) -> httpx.Response:
        left = self._left.get(job_id, {})
        if not name:
            kept = {"media_type": "application/octet-stream", "sha256": ""}
            sizes = [
                {"name": each, "size": path.stat().st_size, **kept} for each, path in left.items()
            ]
            return httpx.Response(200, json={"files": sizes})
        if name not in left:
            raise _Problem(404, "file_not_found", f"the job has no file {name}")
        return httpx.Response(200, content=left[name].read_bytes())


class _Problem(Exception):
    """A response that refuses a request."""

    def __init__(self, status: int, code: str, detail: str, field: str | None = None):
        document: Json = {"status": status, "code": code, "detail": detail}
        if field:
            document["errors"] = [{"field": field, "detail": detail, "code": code}]
        self.response = httpx.Response(status, json=document)


def _missing(what: str) -> _Problem:
    return _Problem(501, "not_implemented", f"FakeService has no {what}: use a real service")


def _read_form(kind: str, body: bytes) -> tuple[Json, dict[str, bytes]]:
    """Return the fields and the files of a multipart form, by name."""
    form = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    document, files = Json(), dict[str, bytes]()
    for part in form.walk():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and (file := part.get_filename()) is not None:
            files[file] = content
        elif isinstance(content, bytes):
            name = str(part.get_param("name", header="content-disposition"))
            document[name] = _field(name, content.decode())
    return document, files


def _field(name: str, text: str) -> JsonValue:
    """Return the value of a field of a form: JSON, or the text itself."""
    try:
        return text if name == "type" else json.loads(text)
    except ValueError:
        return text


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
