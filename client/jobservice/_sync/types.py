# Made from ../_async by client/generate_sync.py. Edit the file there, not here.
"""The calls about job types, which `client.types` has."""

from __future__ import annotations

from typing import Any

from jobservice import requests
from jobservice._sync.transport import Transport
from jobservice.type_documents import TypeData, Types, read_type, read_types


class TypeCalls:
    """The job types of one service. Called itself, it returns their uploads and payloads."""

    def __init__(self, transport: Transport):
        self._transport = transport

    def __call__(self) -> dict[str, Any]:
        """Return the job types, each with its `upload` and the JSON Schema of its `payload`."""
        return dict((self._transport.document(requests.get("/")))["job_types"])

    def list(self) -> Types:
        """Return all job types, and the files of job types that do not work."""
        return read_types(self._transport.document(requests.get("/types")))

    def get(self, name: str) -> TypeData:
        """Return a job type. Raises ApiError 404 (type_not_found) if there is none."""
        return read_type(self._transport.document(requests.get(requests.type_path(name))))
