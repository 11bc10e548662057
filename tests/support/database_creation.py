"""Kills a program at each step of creating its database."""

import itertools
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import peewee as pw

from storage.open import open_store
from storage.records.job import NewJob
from storage.settings.settings import Settings
from storage.store import JobStore

OF_MIGRATIONS = ("execute_sql", "commit")
STATEMENTS = 10
"""Until the new file is linked to its name, it is a temporary file of one program, whatever
migrations have been applied to it. So one of this many statements and commits counts as a step."""


def make_and_die_at_each_step(folder: Path, steps: Any) -> None:
    """Create a database once per step, kill the process before that step, and open the remains.

    Sets `steps` to the number of steps. The calling process must not have threads, because it
    forks. Raises StoreError or AssertionError.
    """
    for step in itertools.count():
        given = Settings.read({"DATA_DIR": str(folder / str(step))})
        pid = os.fork()
        if pid == 0:
            _make_and_die(given, step)
        _, status = os.waitpid(pid, 0)
        if status == 0:
            return
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        _use(given)
        steps.value = step + 1


def _make_and_die(given: Settings, step: int) -> None:
    """Open the store, but be killed before a step. Exits with code 0 if there are fewer steps."""
    left, statements, linked = itertools.count(step, -1), itertools.count(1), False

    def dying(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal linked
            linked = linked or name == "link"
            is_alike = name in OF_MIGRATIONS and not linked and next(statements) % STATEMENTS
            if not is_alike and next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return wrapped

    for name in ("mkdir", "fsync", "link", "unlink", "close"):
        setattr(os, name, dying(getattr(os, name), name))
    for name in ("connect", "close", *OF_MIGRATIONS):
        setattr(pw.Database, name, dying(getattr(pw.Database, name), name))
    code = 1
    try:
        open_store(given, timeout=0)
        code = 0
    finally:
        os._exit(code)


def _use(given: Settings) -> None:
    """Open the store, which must work, and check that no temporary files are left."""
    store = open_store(given, timeout=0)
    jobs = JobStore(store.database, store.wakeup, store.clock)
    (job_id,) = jobs.enqueue([NewJob("sleep", {})])
    assert isinstance(job_id, UUID)
    assert jobs.get(job_id) is not None
    store.close()
    left = {path.name for path in given.data_dir.iterdir()}
    beside = {f"jobs.db-{each}" for each in ("writer", "writer.holder")}
    assert left == {"jobs.db", *beside, "schema.lock", "uploads", "wakeup"}, left
