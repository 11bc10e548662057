"""The ids of jobs: UUIDs of version 7, which begin with the time of their creation.

    01932c07-5b1a-7003-9c5e-…      the digits 003 after the 7 are the cell, or random

Several services that share their clients are cells: the id of a job tells which of them has it.

The jobs of a batch have the ids that follow the id of the batch, in their order. So the id of a
batch selects its jobs. Imports nothing of ours.
"""

from uuid import UUID

import uuid_utils.compat

MAX_CELLS = 4096
_BELOW_TIME = 80
"""Number of bits below the time, which is in milliseconds since 1970."""
_LATEST_MS = (1 << 48) - 1
_BELOW_CELL = 64
"""Number of bits below the cell, which takes the place of `rand_a` in RFC 9562, section 5.7."""
MAX_BATCH_JOBS = 10_000
_BATCH_BITS = 14
"""The last bits of an id, which number the jobs of a batch from 1; they are 0 in its own id."""
_LAST = (1 << 128) - 1


def new_id(cell: int | None = None) -> UUID:
    """Return an id for a new job. `cell` is from 0 to MAX_CELLS - 1, or None."""
    made = uuid_utils.compat.uuid7()
    if cell is None:
        return made
    mask = MAX_CELLS - 1 << _BELOW_CELL
    return UUID(int=made.int & ~mask | cell << _BELOW_CELL)


def id_time_ms(id: UUID) -> int:
    """Return the time in an id, in milliseconds since 1970."""
    return id.int >> _BELOW_TIME


def first_id_at(ms: int) -> UUID:
    """Return the smallest id that can have this time."""
    return UUID(int=min(max(0, ms), _LATEST_MS) << _BELOW_TIME)


def new_batch_id(cell: int | None = None) -> UUID:
    """Return an id for a new batch."""
    return UUID(int=new_id(cell).int >> _BATCH_BITS << _BATCH_BITS)


def id_in_batch(batch_id: UUID, index: int) -> UUID:
    """Return the id of a job of a batch. `index` is its place, from 0."""
    return UUID(int=min(batch_id.int + 1 + index, _LAST))


def last_id_in_batch(batch_id: UUID) -> UUID:
    """Return the largest id that a job of a batch can have."""
    return id_in_batch(batch_id, MAX_BATCH_JOBS - 1)


def batch_id_of(job_id: UUID) -> UUID:
    """Return the id of the batch of a job that belongs to one."""
    return UUID(int=job_id.int >> _BATCH_BITS << _BATCH_BITS)


def is_in_batch(job_id: UUID, batch_id: UUID) -> bool:
    """Return whether the job with an id belongs to a batch."""
    return 0 < job_id.int - batch_id.int <= MAX_BATCH_JOBS
