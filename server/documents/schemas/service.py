"""The JSON documents about the service itself as types: its state, its job types, the caller."""

from typing import Literal

from typing_extensions import TypedDict

from server.documents.schemas.common import Time
from storage.records.json_values import Json


class RequestQuotaDocument(TypedDict):
    """How many requests a caller may send."""

    limit: float
    """Requests per second."""
    burst: int
    """Requests that the caller may send at once."""
    used: int
    """How many of `burst` are used up at this listener; each second gives `limit` of them back."""


class UseQuotaDocument(TypedDict):
    """How much of something a caller may use."""

    limit: int
    """What it may use."""
    used: int | None
    """What it uses, counted up to the limit; null if the store does not respond."""


class QuotasDocument(TypedDict):
    """The quotas of a caller. A quota is null if the caller has no such limit."""

    queued: UseQuotaDocument | None
    """Jobs that may be queued at once."""
    bytes: UseQuotaDocument | None
    """Bytes of the files of the caller's jobs, and of its resumable uploads."""
    requests: RequestQuotaDocument | None
    """Requests. Without a quota of the caller, this is RATE_LIMIT."""


class StreamTokenDocument(TypedDict):
    """A token that opens event streams."""

    stream_token: str
    """Send it as `stream_token` in the query of a stream."""
    expires_at: Time
    """Streams must be opened before this time; those that are open go on."""


class SessionDocument(TypedDict):
    """The caller and its role."""

    tokens: bool
    """Whether authentication is on. If it is off, callers have no names and may do anything."""
    name: str | None
    """Name of the caller; null without tokens."""
    role: str
    """Role of the caller: read-own, read, submit or admin."""
    queues: list[str] | None
    """The queues to which the role is limited; null for all queues."""
    method: Literal["token", "oidc", "proxy"] | None
    """Who has authenticated the caller: the service by a token, an OpenID Connect provider, or a
    proxy; null without authentication."""
    expires_at: str | None
    """When the caller must authenticate again; null if that does not depend on time alone."""
    quotas: QuotasDocument
    """What the caller may use, and what it has used. Without tokens, all are null."""


class TypeDocument(TypedDict):
    """A job type: whether it takes a file, and the JSON Schema of its payload."""

    upload: Literal["none", "required", "optional"]
    """Whether a job of this type needs a file, or may have one."""
    payload: Json
    """JSON Schema of the payload."""


class IndexDocument(TypedDict):
    """Where to find the jobs and the API description, and the job types of this service."""

    service: str
    """Name of the service."""
    jobs: str
    """Path of the jobs."""
    openapi: str
    """Path of the API description."""
    job_types: dict[str, TypeDocument]
    """The job types, by name."""
