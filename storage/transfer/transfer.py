"""Moves all jobs, and all that belongs to them, from one database to another.

    source ──a batch, in the order of keys──▶ target, with how far the move is, in one transaction

So a move that is killed goes on behind the last batch when it is run again. The source is held for
all of that time, and only read. At its end, all rows are read again on both sides and compared.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from storage.db.clock import clock_of
from storage.db.database import Database
from storage.db.models import VersionRow
from storage.transfer.checkpoint import create_checkpoint, read_checkpoint, update_checkpoint
from storage.transfer.endpoints import TransferRefused, lock_source, require_empty
from storage.transfer.tables import BATCH_ROWS, MODELS, Table


@dataclass(frozen=True)
class TableComparison:
    """A table on both sides: rows, and whether all of them are the same."""

    table: str
    source: int
    target: int
    same: bool


class Transfer:
    """A move between two databases that nobody else uses.

    `source_name` tells sources apart, without a password; `tell` gets each state of the copying,
    as a line.
    """

    def __init__(
        self,
        source: Database,
        target: Database,
        source_name: str,
        tell: Callable[[str], None],
        batch: int = BATCH_ROWS,
    ):
        self._source = source
        self._target = target
        self._source_name = source_name
        self._tell = tell
        self._batch = batch
        self._pairs = [(Table(source, model), Table(target, model)) for model in MODELS]

    def run(self) -> list[TableComparison]:
        """Move what is not moved yet and compare all; nothing if that was done before.

        Raises MoveRefused if the target is not empty, or the source not what it was at the
        beginning; StoreError.
        """
        with self._source.transaction():
            lock_source(self._source)
            move = self._begun()
            if move["finished_at"] is not None:
                return []
            self._copy(move)
            compared = [self._compare(*pair) for pair in self._pairs]
            if all(each.same for each in compared):
                update_checkpoint(self._target, finished_at=clock_of(self._target)())
        return compared

    def _begun(self) -> dict[str, Any]:
        """The row of this move, new or from before."""
        version = int(self._source.rows(VersionRow.select(VersionRow.value))[0]["value"])
        move = read_checkpoint(self._target)
        if move is None:
            require_empty(self._target)
            return create_checkpoint(
                self._target, self._source_name, version, self._pairs[0][0].name
            )
        if move["source"] != self._source_name:
            raise TransferRefused(
                f"--to: a move from {move['source']} has filled it: take an empty one"
            )
        if move["version"] != version:
            raise TransferRefused(
                f"--from: it has changed since the move began (change {move['version']}, now "
                f"{version}): what was copied is of no use, take an empty target"
            )
        return move

    def _copy(self, move: dict[str, Any]) -> None:
        names = [source.name for source, _ in self._pairs]
        at = names.index(move["copying"])
        for number, (source, target) in enumerate(self._pairs[at:]):
            self._copy_table(source, target, move["after"] if number == 0 else None)

    def _copy_table(self, source: Table, target: Table, after: str | None) -> None:
        total, done = source.count(), target.count() if after else 0
        if after is None:
            with self._target.transaction():
                target.clear()
                update_checkpoint(self._target, copying=source.name, after=None)
        for rows in source.batches(after, self._batch):
            with self._target.transaction():
                target.insert(rows)
                update_checkpoint(self._target, after=source.key_of(rows[-1]))
            done += len(rows)
            self._tell(f"copying {source.name}: {done:,} of {total:,}")

    def _compare(self, source: Table, target: Table) -> TableComparison:
        last: Any = None
        for last in self._both(source, target):
            self._tell(f"comparing {source.name}: {last[0][0]:,} rows")
        (sources, theirs), (targets, ours) = last
        return TableComparison(source.name, sources, targets, (sources, theirs) == (targets, ours))

    def _both(self, source: Table, target: Table) -> Iterator[tuple[Any, Any]]:
        """The digests of both after each batch: at the end, of all rows."""
        theirs, ours = (0, 0), (0, 0)
        for mine, other in zip_longest(source.digest(), target.digest()):
            theirs, ours = mine or theirs, other or ours
            yield theirs, ours
