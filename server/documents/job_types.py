"""Builds the documents of job types, each once: payloads can have large schemas."""

from functools import cached_property
from typing import cast

from runner.job_types.registry.found import JobTypes
from server.documents.schemas.types import (
    BrokenTypeDocument,
    JobTypeDocument,
    JobTypesDocument,
    OriginName,
)


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
