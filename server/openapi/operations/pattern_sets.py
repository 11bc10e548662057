"""The operations on pattern sets."""

from server.auth.callers import Role
from server.documents.pattern_sets import PatternSetBody
from server.documents.schemas.pattern_sets import PatternSetDocument, PatternSetsDocument
from server.openapi.operations.operation import Operation

PATTERN_SETS = (
    Operation(
        "/pattern-sets",
        "All pattern sets",
        {200: PatternSetsDocument},
        id="listPatternSets",
        tag="pattern sets",
        description="Saved and built-in sets without their patterns, sorted by name.",
    ),
    Operation(
        "/pattern-sets/{name}",
        "A pattern set",
        {200: PatternSetDocument},
        id="getPatternSet",
        tag="pattern sets",
        description="With its patterns, as the payload of analyze has them.",
    ),
    Operation(
        "/pattern-sets/{name}",
        "Save a pattern set, or replace all of it",
        {200: PatternSetDocument, 201: PatternSetDocument},
        id="putPatternSet",
        tag="pattern sets",
        description="The status is 201 for a new set. A body of the type text/plain has one"
        " pattern on each line. Sets of other callers can only be replaced by admins, and built-in"
        " sets by nobody.",
        method="put",
        role=Role.SUBMIT,
        body=PatternSetBody,
        problems=(409,),
        response_headers={201: ("Location",)},
    ),
    Operation(
        "/pattern-sets/{name}",
        "Delete a pattern set",
        {204: None},
        id="deletePatternSet",
        tag="pattern sets",
        description="Jobs that were submitted with it keep its patterns. Sets of other callers can"
        " only be deleted by admins, and built-in sets by nobody.",
        method="delete",
        role=Role.SUBMIT,
        problems=(409,),
    ),
)
