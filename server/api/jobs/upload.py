"""`/jobs/upload`: submit a job with a file."""

from dataclasses import replace

from server.api.jobs.jobs import JobsHandler
from server.api.openapi.operation import FORM
from server.handlers.base import Handler
from server.http.body import Body, media_type
from server.http.codes import Code
from server.http.problems import Problem


class UploadHandler(JobsHandler):
    """Accepts the forms that `POST /jobs` accepts, and nothing else.

    Some generators of clients know only one media type for each path, and that is JSON for `/jobs`.
    """

    ROUTE = "/jobs/upload"
    get = head = Handler.get  # type: ignore[assignment]  # as RequestHandler has it: none

    @replace(
        JobsHandler.OPERATIONS["POST"],
        id="uploadJob",
        body=FORM,
        summary="Submit a job with a file",
        description="The answers are those of submitJob. The path /jobs takes the same forms.",
    )
    async def post(self) -> None:
        """Submit the job of a form."""
        await super().post()

    async def body(self) -> Body:
        """Accept a form for a new job. Raises as `JobsHandler.body` does."""
        kind, _ = media_type(self.request.headers)
        if kind != "multipart/form-data":
            raise Problem(Code.MEDIA_TYPE_UNSUPPORTED, "send multipart/form-data with a file")
        return await super().body()
