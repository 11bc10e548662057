"""The manifest of a backup: a JSON document with everything that the backup consists of.

    {"format": 1, "began_at": …, "ended_at": …, "release": "…", "migrations": […],
     "database": {"kind": "sqlite", …},
     "files": {"count": …, "bytes": …, "chunks": […]},
     "absent": [{"sha256": …, "size": …, "why": …}],
     "sha256": the hash of all the others}

`admin/backup/databases` describes `database`. The chunks of `files` are lines with the hash and
the size of each stored file, sorted by their hashes.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from admin.backup.destinations.destination import BackupPlace, BackupRefused, Damaged, read_chunk
from storage.db.statements import Row

FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """A backup. Times are in milliseconds since 1970."""

    began_at: int
    ended_at: int
    release: str
    migrations: list[str]
    """The migrations that the database had."""
    database: Row
    files: Row
    absent: list[Row]
    """Files that rows name, but that the backup does not have."""

    def to_bytes(self) -> bytes:
        """Return the document."""
        content = {"format": FORMAT, **asdict(self)}
        return json.dumps({**content, "sha256": _hash(content)}, indent=1).encode()

    def chunks(self) -> Iterator[str]:
        """Yield the hashes of all chunks."""
        yield from self.files["chunks"]
        yield from self.database.get("chunks", ())
        for table in self.database.get("tables", {}).values():
            yield from table["chunks"]

    def stored_files(self, place: BackupPlace) -> Iterator[tuple[str, int]]:
        """Yield the hash and the size of each stored file. Raises Damaged."""
        for chunk in self.files["chunks"]:
            for line in read_chunk(place, chunk).splitlines():
                sha256, size = line.split()
                yield sha256.decode(), int(size)


def read_manifest(place: BackupPlace, name: str) -> Manifest:
    """Read a manifest. Raises Damaged, and BackupRefused for one of a newer release."""
    try:
        content = json.loads(b"".join(place.read(name)))
        found = content.pop("sha256")
    except (ValueError, AttributeError, KeyError) as error:
        raise Damaged(f"{name}: it is damaged or cut off") from error
    if found != _hash(content):
        raise Damaged(f"{name}: it does not have its own hash")
    if content.pop("format") != FORMAT:
        raise BackupRefused(
            f"{name}: a newer release ({content.get('release')}) made this backup: use that release"
        )
    return Manifest(**content)


def _hash(content: Row) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
