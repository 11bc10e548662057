"""`/types`: the job types of this listener, and what does not work."""

from functools import cached_property
from typing import Literal, cast

from typing_extensions import TypedDict

from runner.job_types.registry.found import JobTypes
from server.api.openapi.operation import Operation
from server.documents.field_errors import unknown_name
from server.handlers.base import Handler
from server.http.codes import Code
from server.http.problems import Problem
from storage.records.json_values import Json

OriginName = Literal["built-in", "package", "folder", "installed", "commands"]


class JobTypeDocument(TypedDict):
    """A job type: what it does, what its jobs take, and where it comes from."""

    name: str
    """What submissions give as `type`."""
    summary: str
    """The first line of its description; empty if it has none."""
    version: str
    """The version that the type declares, or that of its installed package; empty if unknown."""
    origin: OriginName
    """Where it comes from: folder and installed ones are found by scans, packages are named."""
    file: str | None
    """The file in the folder of job types, or the installed module; null for others."""
    upload: Literal["none", "required", "optional"]
    """Whether a job of this type needs a file, or may have one."""
    payload_schema: Json
    """JSON Schema of the payload."""
    defaults: Json
    """Options that jobs of this type have unless their submissions say otherwise."""
    isolation: Literal["caller", "shared", "fresh"]
    """Which jobs a process runs one after the other: those of one caller, those of all callers, or
    a single one."""
    network: bool
    """Whether jobs of this type may use the network."""


class BrokenTypeDocument(TypedDict):
    """A file or a job type in it that does not work, and is left out."""

    origin: OriginName
    """Where it comes from."""
    file: str
    """The path in the folder of job types, or the name of an installed module."""
    line: int | None
    """The line with the error; null if it is unknown."""
    reason: str
    """What is wrong."""
    remedy: str
    """What to do."""


class JobTypesDocument(TypedDict):
    """All job types of a listener."""

    types: list[JobTypeDocument]
    """The job types, sorted by name."""
    broken: list[BrokenTypeDocument]
    """What does not work, for callers that may submit jobs; empty for others."""


class TypeDocuments:
    """The documents of all job types of a listener."""

    def __init__(self, job_types: JobTypes):
        self._job_types = job_types

    @cached_property
    def by_name(self) -> dict[str, JobTypeDocument]:
        """The documents of the job types, sorted by name."""
        return {name: self._document(name) for name in sorted(self._job_types)}

    @cached_property
    def broken(self) -> list[BrokenTypeDocument]:
        """The documents of what does not work."""
        return [
            {
                "origin": cast("OriginName", each.origin),
                "file": each.file,
                "line": each.line,
                "reason": each.reason,
                "remedy": each.remedy,
            }
            for each in self._job_types.broken
        ]

    def all(self, with_broken: bool) -> JobTypesDocument:
        """Return the document of all job types."""
        return {"types": [*self.by_name.values()], "broken": self.broken if with_broken else []}

    def _document(self, name: str) -> JobTypeDocument:
        job_type, origin = self._job_types[name], self._job_types.origins[name]
        return {
            "name": name,
            "summary": job_type.summary,
            "version": job_type.version or origin.version,
            "origin": cast("OriginName", origin.kind),
            "file": origin.file or None,
            "upload": job_type.upload,
            "payload_schema": job_type.Payload.model_json_schema(),
            "defaults": job_type.defaults.given(),
            "isolation": job_type.isolation,
            "network": job_type.network,
        }


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
