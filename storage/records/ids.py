"""The ids of jobs: UUIDs of version 7, which begin with the time of their creation.

    01932c07-5b1a-7003-9c5e-…      the digits 003 after the 7 are the cell, or random

Several services that share their clients are cells: the id of a job tells which of them has it.
Imports nothing of ours.
"""

from uuid import UUID

import uuid_utils.compat

MAX_CELLS = 4096
_BELOW_CELL = 64
"""Number of bits below the cell, which takes the place of `rand_a` in RFC 9562, section 5.7."""


def new_id(cell: int | None = None) -> UUID:
    """Return an id for a new job. `cell` is from 0 to MAX_CELLS - 1, or None."""
    made = uuid_utils.compat.uuid7()
    if cell is None:
        return made
    mask = MAX_CELLS - 1 << _BELOW_CELL
    return UUID(int=made.int & ~mask | cell << _BELOW_CELL)
