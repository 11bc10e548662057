"""Keeps a store from using, and deleting, the stored files of another one.

The database has the id of its store, and the folder or bucket of the files has it in `store.json`.
"""

import logging
import time
from itertools import islice
from typing import TYPE_CHECKING

from storage.db.database import Database
from storage.db.store_id import forget_former_id, former_store_id, read_store_id, store_id
from storage.db.versions import select_newest_version
from storage.files.owner import Owner
from storage.files.uploads import Uploads
from storage.ownership.stored_files import files_with_rows, size_of
from storage.records.job import StoreUnusable

if TYPE_CHECKING:
    from storage.settings.settings import Settings

log = logging.getLogger(__name__)

HARM = "A store deletes files that none of its jobs has, so each needs a place of its own"
ADVICE = (
    "correct DATA_DIR, DATABASE_URL or UPLOADS_URL. If the store of these files is lost, start a "
    "program once with --adopt-uploads, which keeps them"
)
_LOOKED_FOR = 20
"""Of so many files that the database names, one must be there."""


def own_since(
    settings: "Settings", database: Database, uploads: Uploads, adopt: bool = False
) -> float:
    """Return since when the stored files belong to the store, in seconds as in `Owner`.

    Files without an owner become its own if its database names some of them. With `adopt`, all
    become its own. Raises StoreUnusable for files that are not, and StoreError.
    """
    own, former = store_id(database), former_store_id(database)  # before the owner changes
    owner = uploads.owner()
    if owner and owner.store == own:
        return owner.since
    if owner and owner.store == former:
        uploads.give_to(Owner(own, owner.since))
        forget_former_id(database)
        return owner.since
    problem = _problem(settings, database, uploads, owner)
    if problem and not adopt:
        raise StoreUnusable(f"{problem}. {HARM}: {ADVICE}")
    since = 0.0 if uploads.is_empty() else time.time()
    uploads.give_to(Owner(own, since))
    if problem:
        log.warning("the stored files were taken over", extra={"store": own, "because": problem})
    return since


def find_problem(settings: "Settings", database: Database, uploads: Uploads) -> str | None:
    """Return why the store must not use the stored files; None if it may. Changes nothing."""
    owner = uploads.owner()
    if owner and owner.store in (read_store_id(database), former_store_id(database)):
        return None
    return _problem(settings, database, uploads, owner)


def _problem(
    settings: "Settings", database: Database, uploads: Uploads, owner: Owner | None
) -> str | None:
    """Return why the store must not use files of this owner, which is another one or none."""
    where = uploads.folder or settings.uploads_url
    store = f"{database.file or f'the database {database.engine.database}'}"
    if owner:
        id = read_store_id(database) or "without an id"
        return f"{where} has files of the store {owner.store}, but {store} is the store {id}"
    if uploads.is_empty():
        return None
    named = list(islice(files_with_rows(database), _LOOKED_FOR))
    if any(size_of(uploads, file) == size for _, size, file in named):
        return None
    if named:
        return f"{where} has files, but not those that {store} names"
    if database.rows(select_newest_version())[0]["value"] == 0:
        return f"{where} has files, but {store} is new, and has never had a job"
    return None
