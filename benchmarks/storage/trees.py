"""Finds the table or index that each page of a SQLite file belongs to, by walking the trees.

The format: https://sqlite.org/fileformat2.html#b_tree_pages
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from storage.db.database import open_engine

_INTERIOR = (2, 5)
"""The types of pages of an index and of a table that have child pages."""
_HEADER_OF_FILE_BYTES = 100


def page_owners(file: Path) -> dict[int, str]:
    """Return the name of the table or index of each page. Overflow pages are left out."""
    engine = open_engine(f"sqlite:///{file}")
    with tempfile.TemporaryDirectory() as folder:
        copy = open_engine(f"sqlite:///{folder}/copy.db")
        with engine.peewee.connection_context(), copy.peewee.connection_context():
            engine.peewee.connection().backup(copy.peewee.connection())  # type: ignore[no-untyped-call]
            roots = copy.execute_sql("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 0")
            names = {"sqlite_master": 1, **dict(roots.fetchall())}
            copy.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        data = Path(folder, "copy.db").read_bytes()
    size = int.from_bytes(data[16:18], "big")
    return {page: name for name, root in names.items() for page in _pages(data, size, root)}


def _pages(data: bytes, size: int, page: int) -> Iterator[int]:
    """Yield the pages of a tree."""
    yield page
    start = (page - 1) * size
    at = start + (_HEADER_OF_FILE_BYTES if page == 1 else 0)
    if data[at] not in _INTERIOR:
        return
    cells = int.from_bytes(data[at + 3 : at + 5], "big")
    children = [int.from_bytes(data[at + 8 : at + 12], "big")]
    for number in range(cells):
        pointer = at + 12 + 2 * number
        cell = start + int.from_bytes(data[pointer : pointer + 2], "big")
        children.append(int.from_bytes(data[cell : cell + 4], "big"))
    for child in children:
        yield from _pages(data, size, child)
