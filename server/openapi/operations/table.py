"""The table of all operations of the API."""

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
