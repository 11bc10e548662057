"""Copies all jobs, and everything that belongs to them, from one database to another.

  source ──a batch, in key order──▶ target, with the checkpoint in the same transaction

A transfer that is killed continues after its last batch when it is run again. The source is only
read, and is locked against changes throughout. At the end, all rows of both databases are read
again and compared.
"""

from collections.abc import Callable
from dataclasses import dataclass

from admin.transfer.endpoints import TransferRefused, lock_source, require_empty
from admin.transfer.tables import BATCH_ROWS, MODELS, Table
from storage.db.clock import clock_of
from storage.db.database import Database
from storage.db.schema.transfer_checkpoint import (
    create_checkpoint,
    read_checkpoint,
    update_checkpoint,
)
from storage.db.statements import Row
from storage.db.store_id import change_store_id
from storage.db.versions import select_newest_version


@dataclass(frozen=True)
class TableComparison:
    """The number of rows of a table in both databases, and whether all rows are equal."""

    table: str
    source: int
    target: int
    same: bool


class Transfer:
    """A transfer between two databases that no other program uses.

    `source_name` identifies the source without a password. `progress` is called with a line of text
    after each batch.
    """

    def __init__(
        self,
        source: Database,
        target: Database,
        source_name: str,
        progress: Callable[[str], None],
        batch: int = BATCH_ROWS,
        takes_files: bool = True,
    ):
        """`takes_files`: whether the target takes over the stored files, where they are."""
        self._source = source
        self._target = target
        self._source_name = source_name
        self._progress = progress
        self._batch = batch
        self._takes_files = takes_files
        self._pairs = [(Table(source, model), Table(target, model)) for model in MODELS]

    def run(self) -> list[TableComparison]:
        """Copy the remaining rows, and compare all tables. Returns an empty list if the transfer
        was already finished.

        Raises TransferRefused if the target is not empty or the source has changed, and StoreError.
        """
        with self._source.transaction():
            lock_source(self._source)
            checkpoint = self._checkpoint()
            if checkpoint["finished_at"] is not None:
                return []
            self._copy(checkpoint)
            compared = [self._compare(*pair) for pair in self._pairs]
            if all(each.same for each in compared):
                with self._target.transaction():
                    change_store_id(self._target.execute, self._takes_files)
                    update_checkpoint(self._target, finished_at=clock_of(self._target)())
        return compared

    def _checkpoint(self) -> Row:
        """The checkpoint of this transfer, created if there is none."""
        version = int(self._source.rows(select_newest_version())[0]["value"])
        checkpoint = read_checkpoint(self._target)
        if checkpoint is None:
            require_empty(self._target)
            return create_checkpoint(
                self._target, self._source_name, version, self._pairs[0][0].name
            )
        if checkpoint["source"] != self._source_name:
            raise TransferRefused(
                f"--to: it was filled by a transfer from {checkpoint['source']}: use an empty one"
            )
        if checkpoint["version"] != version:
            raise TransferRefused(
                f"--from: it has changed since the transfer began (change {checkpoint['version']}, "
                f"now {version}): the copied rows are outdated, use an empty target"
            )
        return checkpoint

    def _copy(self, checkpoint: Row) -> None:
        names = [source.name for source, _ in self._pairs]
        start = names.index(checkpoint["copying"])
        for number, (source, target) in enumerate(self._pairs[start:]):
            self._copy_table(source, target, checkpoint["after"] if number == 0 else None)

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
            self._progress(f"copying {source.name}: {done:,} of {total:,}")

    def _compare(self, source: Table, target: Table) -> TableComparison:
        def progress(rows: int) -> None:
            self._progress(f"comparing {source.name}: {rows:,} rows")

        from_source, from_target = source.digest(progress), target.digest(progress)
        return TableComparison(
            source.name, from_source[0], from_target[0], from_source == from_target
        )
