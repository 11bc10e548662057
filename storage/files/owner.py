"""Says which store the files of a place belong to, and how many of them a sweep may delete.

Stores that shared a place would delete each other's files: one store's files belong to no job of
the other store.
"""

import json
from dataclasses import asdict, dataclass
from typing import Self

from storage.records.job import StoreUnusable

OWNER = "store.json"
"""The name of the file, or object, that says which store the others belong to."""
_FEW = 100


@dataclass(frozen=True)
class Owner:
    """Says which store the files of a place belong to."""

    store: str
    """The id of the store."""
    since: float
    """When it took over files that were there, in seconds since 1970; 0 if there were none.

    It may know nothing of older ones, so no sweep deletes them.
    """

    def to_bytes(self) -> bytes:
        """Return the content of the file."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the content of the file. Raises StoreUnusable."""
        try:
            found = json.loads(data)
            return cls(str(found["store"]), float(found["since"]))
        except (ValueError, TypeError, KeyError) as error:
            raise StoreUnusable(f"{OWNER} of the stored files is damaged: delete it") from error


def require_few(lone: int, all: int, what: str) -> None:
    """Raise StoreUnusable if a sweep would delete more than half of all files, unless they are few.

    Programs that are killed leave few files. So many without a job mean a wrong or old database.
    """
    if lone > max(_FEW, all / 2):
        raise StoreUnusable(
            f"nothing was deleted, because {lone:,} of {all:,} {what} belong to no job: check that "
            "the database is the right one. If it is, delete them with "
            "`python -m storage doctor --fix`"
        )
