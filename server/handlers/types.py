"""`/types`: the job types of this listener, and what does not work."""

from runner.job_types.registry.found import JobTypes
from server.documents.field_errors import unknown_name
from server.documents.job_types import TypeDocuments
from server.documents.schemas.types import JobTypeDocument, JobTypesDocument
from server.handlers.base import Handler
from server.http.codes import Code
from server.http.problems import Problem
from server.openapi.operation import Operation


class TypesHandler(Handler):
    """All job types."""

    type_documents: TypeDocuments
    ROUTE = "/types"
    LIMITED = True

    @Operation("listTypes", "job types", {200: JobTypesDocument})
    async def get(self) -> None:
        """All job types.

        With the JSON Schemas of their payloads, and their defaults. Callers that may submit jobs
        also see which files of job types do not work, and why.
        """
        self.send_json(self.type_documents.all(with_broken=self.caller.may_submit))


class TypeHandler(Handler):
    """One job type."""

    type_documents: TypeDocuments
    job_types: JobTypes
    ROUTE = "/types/{name}"
    LIMITED = True

    @Operation("getType", "job types", {200: JobTypeDocument})
    async def get(self, name: str) -> None:
        """A job type.

        What its jobs take, and where it comes from.
        """
        document = self.type_documents.by_name.get(name)
        if document is None:
            raise Problem(Code.TYPE_NOT_FOUND, self._why_missing(name))
        self.send_json(document)

    def _why_missing(self, name: str) -> str:
        broken = self.job_types.broken_for(name)
        if broken and self.caller.may_submit:
            return f"this job type does not work: {broken.text}"
        return unknown_name("job type", name, self.job_types)
