"""`/jobs/{job_id}/lines`: lines of the file of a job."""

import logging
from contextlib import suppress
from functools import partial

from tornado.iostream import StreamClosedError

from server.api.analyses.lines_query import DEFAULT_LIMIT, LineParameters, LinesQuery
from server.api.jobs.job import OneJobHandler, parse_job_id
from server.api.openapi.operation import Operation
from server.documents.schemas.file_schemas import LinesDocument
from server.handlers.query import query_parameters, read_query
from server.http.blocking import RunBlocking
from server.http.codes import Code
from server.http.negotiation import wants_text
from server.http.problems import FieldError, Problem, unacceptable, unavailable
from server.processes.line_readers import LineReaders
from storage.files.uploads import Uploads
from storage.records.job import Job
from storage.records.json_values import Json, JsonValue

log = logging.getLogger(__name__)

PAGE_SECONDS = 2.0
"""Seconds after which a page ends with what was found, and a cursor."""
TEXT_SECONDS = 0.5
TEXT_BYTES = 256 * 1024
"""Seconds and bytes of a piece of text. Other requests are answered between two pieces."""
ACCESS_SECONDS = 3600.0
"""How long the URL of a file is valid at least."""

Answer = Json


class LinesHandler(OneJobHandler):
    """Lines of the stored file of one job."""

    uploads: Uploads
    readers: LineReaders
    run_file_io: RunBlocking
    ROUTE = "/jobs/{job_id}/lines"

    @Operation(
        "getJobLines",
        "jobs",
        {200: (LinesDocument, "text/plain")},
        queries=(LinesQuery,),
        problems=(409, 410),
    )
    async def get(self, job_id: str) -> None:
        """Lines of the file of a job.

        Lines that meet all conditions, as pages of JSON or, with `Accept: text/plain`, all of them
        as text. A page ends after two seconds at the latest; follow `next`. Lines of an archive
        come from all its files that the job has selected, or from `member`. If the job has counted
        records of several lines, or with `records=multi_line`, whole records are returned.
        """
        parsed_id = parse_job_id(job_id)
        parameters = query_parameters(self)
        for name in ("member", "match", "regex"):
            if raw := self.request.query_arguments.get(name):
                parameters[name] = raw[-1].decode()  # all of it: Tornado strips it
        query = read_query(LinesQuery, parameters)
        request = await self._request(await self.jobs.wait(parsed_id, self.caller), query)
        self.add_header("Vary", "Accept")
        if wants_text(self.request.headers.get("Accept", "")):
            await self._send_text(request)
        else:
            request["query"]["limit"] = query.limit or DEFAULT_LIMIT
            answer = _require_found(await self.readers.read(request, self.caller.sharer))
            self.send_content(answer["body"])

    async def _request(self, job: Job, query: LineParameters) -> Json:
        """The request for `runner.lines`. Raises Problem 404 and 503."""
        upload = job.upload
        if upload is None:
            detail = f"the job {job.id} has no file, so it has no lines: its type is {job.type}"
            raise Problem(Code.FILE_NOT_FOUND, detail)
        access = await self.run_file_io(partial(self.uploads.access, upload, ACCESS_SECONDS))
        if "problem" in access:
            raise unavailable(access["problem"], Code.FILE_UNAVAILABLE)
        encoding, members = job.payload.get("encoding"), job.payload.get("members")
        return {
            **access,
            "key": str(upload.id),
            "size": upload.size,
            "encoding": encoding if isinstance(encoding, str) else None,
            "index": _about_file(job.result, "line_index"),
            "access_points": _about_file(job.result, "access_points"),
            "query": query.question(job.payload.get("records") if job.type == "analyze" else None),
            "member": query.member,
            "members": members if _are_globs(members) else [],
            "seconds": PAGE_SECONDS,
            "text_bytes": None,
        }

    async def _send_text(self, request: Json) -> None:
        """Send all lines that match, piece by piece, as fast as the client reads them."""
        self.is_timed = False
        request |= {"text_bytes": TEXT_BYTES, "seconds": TEXT_SECONDS}
        with (
            self.readers.text(self.caller.sharer),
            suppress(StreamClosedError),
        ):  # if the client goes away
            await self._send_pieces(request, request["query"])

    async def _send_pieces(self, request: Json, query: Json) -> None:
        answer = _require_found(await self.readers.read(request, self.caller.sharer))
        if answer["problem"] and not answer["body"]:
            raise Problem(Code.FILE_UNREADABLE, answer["problem"])
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        is_over = self.request.method == "HEAD"
        while not is_over:
            self._require_connection()
            self.write(answer["body"])
            await self.flush()
            if query["limit"] is not None:
                query["limit"] -= answer["hits"]
            query["cursor"] = answer["cursor"]
            is_over = answer["cursor"] is None or query["limit"] == 0
            if answer["problem"]:
                return self._break_off(answer["problem"])
            if not is_over:
                self._require_connection()
                answer = await self.readers.read(request, self.caller.sharer)
                if answer["kind"] != "text":
                    return self._break_off(answer["detail"])
        await self.finish()

    def _require_connection(self) -> None:
        """Raise StreamClosedError if the client is gone, or if the listener stops."""
        if self.activity.stopping:
            self.close_connection()
        if self.client.closed():
            raise StreamClosedError

    def _break_off(self, reason: str) -> None:
        """Close the connection, so that the client notices that lines are missing."""
        log.info("the lines of a file ended early", extra={"reason": reason})
        self.close_connection()


def _about_file(result: JsonValue, name: str) -> str | None:
    """The text that an analysis's result holds about its file under a name; None without one."""
    file = result.get("file") if isinstance(result, dict) else None
    found = file.get(name) if isinstance(file, dict) else None
    return found if isinstance(found, str) else None


def _are_globs(members: JsonValue) -> bool:
    """Whether the `members` of a payload are globs for members of an archive, as in `analyze`."""
    return isinstance(members, list) and all(isinstance(each, str) for each in members)


def _require_found(answer: Answer) -> Answer:
    """Return a page or a piece of text. Raises the Problem of any other answer."""
    kind = answer["kind"]
    if kind == "field":
        raise unacceptable([FieldError(answer["field"], answer["detail"])])
    if kind == "unavailable":
        raise unavailable(answer["detail"], Code.FILE_UNAVAILABLE)
    if kind in _CODES:
        raise Problem(_CODES[kind], answer["detail"])
    return answer


_CODES = {"gone": Code.FILE_GONE, "unreadable": Code.FILE_UNREADABLE}
