"""Examples of the documents of batches."""

from collections.abc import Mapping

from server.documents.schemas.batches import (
    BatchDocument,
    BatchesDocument,
    CanceledBatchDocument,
    SubmittedBatchDocument,
)
from storage.records.json_values import JsonValue

_BATCH = "01a2107d-08cc-73f5-a3eb-bdc8e7038000"
_ERROR = {"field": "payload.seconds", "detail": "it must be at least 0", "code": "out_of_range"}
_PROGRESS: BatchDocument = {
    "batch_id": _BATCH,
    "created_at": "2026-11-25T02:15:54.400Z",
    "submitted_by": None,
    "size": 2,
    "queued": 0,
    "running": 1,
    "succeeded": 1,
    "failed": 0,
    "canceled": 0,
    "deleted": 0,
    "refused": 1,
    "then": None,
    "finished": False,
    "finished_at": None,
}
BATCH_EXAMPLES: Mapping[object, JsonValue] = {
    SubmittedBatchDocument: {
        "batch_id": _BATCH,
        "size": 2,
        "refused": 1,
        "job_ids": [
            "01a2107d-08cc-73f5-a3eb-bdc8e7038001",
            None,
            "01a2107d-08cc-73f5-a3eb-bdc8e7038003",
        ],
        "then": None,
        "refusals": [
            {
                "index": 1,
                "code": "invalid_request",
                "detail": "payload.seconds: it must be at least 0",
                "errors": [_ERROR],
            }
        ],
    },
    BatchDocument: _PROGRESS,
    BatchesDocument: {"items": [_PROGRESS], "limit": 20, "next": None},
    CanceledBatchDocument: {"batch_id": _BATCH, "matched": 1, "changed": 1},
}
