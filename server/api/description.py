"""The table of all operations of the API, and what /openapi.json says about them."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from runner.job_types.base import AnyJobType
from server.openapi.document import describe
from server.openapi.operations.analyses import ANALYSIS, RESULTS
from server.openapi.operations.audit import AUDIT
from server.openapi.operations.batches import BATCHES
from server.openapi.operations.events import EVENTS
from server.openapi.operations.failures import FAILURES
from server.openapi.operations.files import FILES
from server.openapi.operations.jobs import JOB_LISTS, ONE_JOB
from server.openapi.operations.pattern_sets import PATTERN_SETS
from server.openapi.operations.queues import QUEUES
from server.openapi.operations.schedules import SCHEDULES
from server.openapi.operations.service import SERVICE, SESSION
from server.openapi.operations.types import TYPES
from server.openapi.operations.uploads import UPLOADS
from storage.records.json_values import Json

OPERATIONS = (
    *JOB_LISTS,
    *BATCHES,
    *ANALYSIS,
    *ONE_JOB,
    *RESULTS,
    *FILES,
    *FAILURES,
    *UPLOADS,
    *EVENTS,
    *SCHEDULES,
    *QUEUES,
    *PATTERN_SETS,
    *TYPES,
    *AUDIT,
    *SERVICE,
    *SESSION,
)


def openapi_document(job_types: Mapping[str, AnyJobType]) -> Json:
    """Build the description of the API for these job types."""
    return describe(job_types, OPERATIONS, examples())


@cache
def examples() -> Json:
    """Return the examples: of JSON by the name of its type, of texts by path and media type."""
    files = sorted(Path(__file__).with_name("examples").glob("*.json"))
    return {name: each for file in files for name, each in json.loads(file.read_text()).items()}
