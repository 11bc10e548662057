"""The operations on queues."""

from server.auth.callers import Role
from server.documents.queues import QueueBody, QueueChanges
from server.documents.schemas.queues import QueueDocument, QueuesDocument
from server.openapi.operations.operation import Operation

QUEUES = (
    Operation(
        "/queues",
        "All queues",
        {200: QueuesDocument},
        id="listQueues",
        tag="queues",
        description="Sorted by name.",
    ),
    Operation(
        "/queues/{name}",
        "A queue",
        {200: QueueDocument},
        id="getQueue",
        tag="queues",
        description="Its settings, and how many jobs it has.",
    ),
    Operation(
        "/queues/{name}",
        "Create a queue, or replace all its settings",
        {200: QueueDocument, 201: QueueDocument},
        id="putQueue",
        tag="queues",
        description="The status is 201 for a new queue. Fields that are not given get their"
        " defaults.",
        method="put",
        role=Role.ADMIN,
        body=QueueBody,
        problems=(409,),
        response_headers={201: ("Location",)},
    ),
    Operation(
        "/queues/{name}",
        "Change the given settings of a queue",
        {200: QueueDocument},
        id="changeQueue",
        tag="queues",
        description="Fields that are not given keep their values.",
        method="patch",
        role=Role.ADMIN,
        body=QueueChanges,
    ),
    Operation(
        "/queues/{name}",
        "Delete a queue without queued or running jobs",
        {204: None},
        id="deleteQueue",
        tag="queues",
        description="Final jobs keep the name of a deleted queue.",
        method="delete",
        role=Role.ADMIN,
        problems=(409,),
    ),
)
