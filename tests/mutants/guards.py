"""The guards, each with the change that switches it off."""

from tests.mutants.guards_of_access import ACCESS
from tests.mutants.guards_of_api import API
from tests.mutants.guards_of_edge import EDGE
from tests.mutants.guards_of_events import EVENTS
from tests.mutants.guards_of_faults import STORE_FAULTS
from tests.mutants.guards_of_isolation import ISOLATION
from tests.mutants.guards_of_moving import MOVES
from tests.mutants.guards_of_optimistic import OPTIMISTIC
from tests.mutants.guards_of_parts import PARTS
from tests.mutants.guards_of_pool import POOL
from tests.mutants.guards_of_programs import PROGRAMS
from tests.mutants.guards_of_queues import QUEUES
from tests.mutants.guards_of_store import STORE
from tests.mutants.guards_of_traces import TRACES
from tests.mutants.guards_of_uploads import UPLOADS

MUTANTS = (
    *STORE,
    *STORE_FAULTS,
    *OPTIMISTIC,
    *UPLOADS,
    *PROGRAMS,
    *ACCESS,
    *API,
    *POOL,
    *EVENTS,
    *EDGE,
    *ISOLATION,
    *QUEUES,
    *PARTS,
    *MOVES,
    *TRACES,
)
