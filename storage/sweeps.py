"""Deletes stored files that belong to no job: a dead listener or a failed commit left them."""

import logging
from collections.abc import Callable, Iterable
from functools import partial

from storage.jobs.file_rows import unused_files
from storage.jobs.retention import unknown_uploads
from storage.open import Store
from storage.ownership.ownership import own_since
from storage.records.job import StoreUnusable
from storage.records.resumable_upload import UPLOAD_KEEP_SECONDS

log = logging.getLogger(__name__)

_SHOWN = 5


def sweep_uploads(store: Store) -> None:
    """Delete uploads without a job, and resumable uploads that were not continued in time. Raises
    StoreUnavailable."""

    def sweep(since: float) -> None:
        find = partial(unknown_uploads, store.database)
        _log("uploads without a job were deleted", store.uploads.sweep(find, since))
        if count := store.resumables.sweep(UPLOAD_KEEP_SECONDS):
            log.info("old resumable uploads were deleted", extra={"count": count})

    _if_own(store, sweep)


def sweep_files_of_jobs(store: Store) -> None:
    """Delete files that jobs have left, and that no attempt has. Raises StoreUnavailable."""

    def sweep(since: float) -> None:
        find = partial(unused_files, store.database)
        _log("files of jobs without a row were deleted", store.artifacts.sweep(find, since))

    _if_own(store, sweep)


def _if_own(store: Store, sweep: Callable[[float], None]) -> None:
    """Sweep, unless the files belong to another store, or would be too many."""
    try:
        sweep(own_since(store.settings, store.database, store.uploads))
    except StoreUnusable as error:
        log.error("stored files are not swept", extra={"why": str(error)})


def _log(what: str, deleted: Iterable[object]) -> None:
    names = sorted(map(str, deleted))
    if names:
        log.warning(what, extra={"count": len(names), "files": names[:_SHOWN]})
