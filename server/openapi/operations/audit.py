"""The operation on the audit log."""

from server.auth.callers import Role
from server.documents.audit import AuditQuery
from server.documents.schemas.audit import AuditDocument
from server.openapi.operations.operation import Operation

AUDIT = (
    Operation(
        "/audit",
        "Who has changed what",
        {200: (AuditDocument, "application/jsonl")},
        id="listAudit",
        tag="service",
        description="The newest entries first. The setting AUDIT says what is recorded. With"
        " `Accept: application/jsonl`, the response has all entries that match, one on each line.",
        role=Role.ADMIN,
        of_all=True,
        queries=(AuditQuery,),
    ),
)
