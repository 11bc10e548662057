"""`/jobs/upload`: submit a job with a file."""

from typing import ClassVar

from server.handlers.base import Handler
from server.handlers.jobs.jobs import JobsHandler
from server.http.body import Body, media_type
from server.http.codes import Code
from server.http.problems import Problem


class UploadHandler(JobsHandler):
    """Accepts the forms that `POST /jobs` accepts, and nothing else.

    Some generators of clients know only one media type for each path, and that is JSON for `/jobs`.
    """

    ROUTE = "/jobs/upload"
    ALLOW = "OPTIONS, POST"
    QUERIES: ClassVar = {"POST": JobsHandler.QUERIES["POST"]}
    get = head = Handler.get  # type: ignore[assignment]  # as RequestHandler has it: none

    async def body(self) -> Body:
        """Accept a form for a new job. Raises as `JobsHandler.body` does."""
        kind, _ = media_type(self.request.headers)
        if kind != "multipart/form-data":
            raise Problem(Code.MEDIA_TYPE_UNSUPPORTED, "send multipart/form-data with a file")
        return await super().body()
