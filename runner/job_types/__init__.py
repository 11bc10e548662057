"""Job types: the base classes and the decorator to write them, the built-in ones, and the loader.

Own job types import from here. May import `loganalysis` and `runner.remote`; must not import
the pool, the supervisor, `storage` or `server`. The server imports this folder to validate
payloads.
"""

from runner.job_types.base import Context, Defaults, JobError, JobType, NotRetryable, Payload
from runner.job_types.base import UploadFile as File
from runner.job_types.functions.decorator import job

__all__ = ["Context", "Defaults", "File", "JobError", "JobType", "NotRetryable", "Payload", "job"]
