"""`/types`: the job types of this listener, and what does not work."""

from runner.job_types.registry.found import JobTypes
from server.documents.field_errors import unknown_name
from server.documents.job_types import TypeDocuments
from server.handlers.base import Handler
from server.http.codes import Code
from server.http.problems import Problem


class TypesHandler(Handler):
    """All job types."""

    type_documents: TypeDocuments
    ROUTE = "/types"
    LIMITED = True

    async def get(self) -> None:
        """Send all job types, and to callers that may submit jobs also what does not work."""
        self.send_json(self.type_documents.all(with_broken=self.caller.may_submit))

    head = get


class TypeHandler(Handler):
    """One job type."""

    type_documents: TypeDocuments
    job_types: JobTypes
    ROUTE = "/types/{name}"
    LIMITED = True

    async def get(self, name: str) -> None:
        """Send the job type."""
        document = self.type_documents.by_name.get(name)
        if document is None:
            raise Problem(Code.TYPE_NOT_FOUND, self._why_missing(name))
        self.send_json(document)

    head = get

    def _why_missing(self, name: str) -> str:
        broken = self.job_types.broken_for(name)
        if broken and self.caller.may_submit:
            return f"this job type does not work: {broken.text}"
        return unknown_name("job type", name, self.job_types)
