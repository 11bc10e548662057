"""The calls about job types, which `client.types` has."""

from __future__ import annotations

from jobservice import requests
from jobservice._async.transport import AsyncTransport
from jobservice.json_values import Json
from jobservice.type_documents import TypeData, Types, read_type, read_types


class AsyncTypeCalls:
    """The job types of one service. Called itself, it returns their uploads and payloads."""

    def __init__(self, transport: AsyncTransport):
        self._transport = transport

    async def __call__(self) -> Json:
        """Return the job types, each with its `upload` and the JSON Schema of its `payload`."""
        return dict((await self._transport.document(requests.get("/")))["job_types"])

    async def list(self) -> Types:
        """Return all job types, and the files of job types that do not work."""
        return read_types(await self._transport.document(requests.get("/types")))

    async def get(self, name: str) -> TypeData:
        """Return a job type. Raises ApiError 404 (type_not_found) if there is none."""
        return read_type(await self._transport.document(requests.get(requests.type_path(name))))
