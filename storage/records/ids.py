"""The ids of jobs: UUIDs of version 7, which begin with the time they were made.

    01932c07-5b1a-7003-9c5e-…      the digits 003 after the 7 are a cell, or of no meaning

Of several services that share their clients, each is a cell: whose job it is, its id tells.
Imports nothing of ours.
"""

from uuid import UUID

import uuid_utils.compat

MOST_CELLS = 4096
_BELOW_CELL = 64
"""How many bits follow those of the cell, which are `rand_a` in RFC 9562, section 5.7."""


def new_id(cell: int | None = None) -> UUID:
    """An id for a new job, of a cell from 0 to MOST_CELLS - 1, or of none."""
    made = uuid_utils.compat.uuid7()
    if cell is None:
        return made
    mask = MOST_CELLS - 1 << _BELOW_CELL
    return UUID(int=made.int & ~mask | cell << _BELOW_CELL)
