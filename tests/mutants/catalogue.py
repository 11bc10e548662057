"""The guards, each with the change that switches it off."""

from tests.mutants.guards.access import ACCESS
from tests.mutants.guards.analyses import ANALYSES
from tests.mutants.guards.api import API
from tests.mutants.guards.archives import ARCHIVES
from tests.mutants.guards.artifacts import ARTIFACTS
from tests.mutants.guards.audit import AUDIT
from tests.mutants.guards.backups import BACKUP
from tests.mutants.guards.batches import BATCHES
from tests.mutants.guards.bundles import BUNDLES
from tests.mutants.guards.byte_quota import BYTE_QUOTA
from tests.mutants.guards.callbacks import CALLBACKS
from tests.mutants.guards.cli import CLI
from tests.mutants.guards.client_limits import CLIENT_LIMITS
from tests.mutants.guards.commands import COMMANDS
from tests.mutants.guards.deadlines import DEADLINES
from tests.mutants.guards.dependencies import DEPENDENCIES
from tests.mutants.guards.doctor import DOCTOR
from tests.mutants.guards.estimates import ESTIMATES
from tests.mutants.guards.events import EVENTS
from tests.mutants.guards.explanations import EXPLANATIONS
from tests.mutants.guards.failures import FAILURES
from tests.mutants.guards.faults import STORE_FAULTS
from tests.mutants.guards.fields import FIELDS
from tests.mutants.guards.files import FILES
from tests.mutants.guards.framing import FRAMING
from tests.mutants.guards.functions import FUNCTIONS
from tests.mutants.guards.hangs import HANGS
from tests.mutants.guards.held import ENDED, HELD
from tests.mutants.guards.isolation import ISOLATION
from tests.mutants.guards.job_limits import JOB_LIMITS
from tests.mutants.guards.keys import CONCURRENCY_KEYS, UNIQUE_KEYS
from tests.mutants.guards.messages import MESSAGES
from tests.mutants.guards.optimistic import OPTIMISTIC
from tests.mutants.guards.output import OUTPUT
from tests.mutants.guards.overview import OVERVIEW
from tests.mutants.guards.own_packages import OWN_PACKAGES
from tests.mutants.guards.pattern_sets import PATTERN_SETS
from tests.mutants.guards.pool import POOL
from tests.mutants.guards.programs import PROGRAMS
from tests.mutants.guards.python_client import PYTHON_CLIENT
from tests.mutants.guards.queues import QUEUES
from tests.mutants.guards.quotas import QUOTAS
from tests.mutants.guards.records import RECORDS
from tests.mutants.guards.resumable import FILES_OF_JOBS, RESUMABLE
from tests.mutants.guards.schedules import SCHEDULES
from tests.mutants.guards.sign_in import SIGN_IN
from tests.mutants.guards.store import STORE
from tests.mutants.guards.stored_files import STORED_FILES
from tests.mutants.guards.stored_lines import STORED_LINES
from tests.mutants.guards.tags import CHANGES, EXPIRY, TAGS
from tests.mutants.guards.times import TIMES
from tests.mutants.guards.traces import TRACES
from tests.mutants.guards.transfer import TRANSFER
from tests.mutants.guards.types import TYPES
from tests.mutants.guards.uploads import UPLOADS

MUTANTS = (
    *STORE,
    *DOCTOR,
    *TYPES,
    *STORE_FAULTS,
    *OPTIMISTIC,
    *UPLOADS,
    *PROGRAMS,
    *ACCESS,
    *SIGN_IN,
    *AUDIT,
    *BUNDLES,
    *API,
    *POOL,
    *MESSAGES,
    *HANGS,
    *EVENTS,
    *ESTIMATES,
    *DEADLINES,
    *CLIENT_LIMITS,
    *COMMANDS,
    *FRAMING,
    *FILES,
    *ISOLATION,
    *JOB_LIMITS,
    *PATTERN_SETS,
    *QUEUES,
    *QUOTAS,
    *BYTE_QUOTA,
    *SCHEDULES,
    *OUTPUT,
    *OVERVIEW,
    *EXPLANATIONS,
    *TRANSFER,
    *BACKUP,
    *TRACES,
    *ANALYSES,
    *PYTHON_CLIENT,
    *CLI,
    *ARCHIVES,
    *STORED_LINES,
    *TIMES,
    *FIELDS,
    *TAGS,
    *BATCHES,
    *RECORDS,
    *CHANGES,
    *EXPIRY,
    *HELD,
    *ENDED,
    *UNIQUE_KEYS,
    *FAILURES,
    *CALLBACKS,
    *DEPENDENCIES,
    *CONCURRENCY_KEYS,
    *ARTIFACTS,
    *FUNCTIONS,
    *OWN_PACKAGES,
    *RESUMABLE,
    *STORED_FILES,
    *FILES_OF_JOBS,
)
