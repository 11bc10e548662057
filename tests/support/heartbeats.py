"""Sets the heartbeats of runners."""

import os
import time

import peewee as pw

from storage.db.clock import DATABASE_NOW
from storage.db.models import RunnerRow
from storage.liveness.runners import lock_path
from tests.support.stores import Bench, Holder


def make_stale(bench: Bench, runner: Holder, seconds: float) -> None:
    """Make the last heartbeat of a runner so many seconds old. Its lease, if any, goes on."""
    database, name = bench.store.database, runner.liveness.name
    if database.postgresql:
        before = pw.Expression(DATABASE_NOW, "-", int(seconds * 1000))
        database.run(RunnerRow.update(renewed_at=before).where(RunnerRow.name == name))
    else:
        moment = time.monotonic_ns() - int(seconds * 1e9)
        os.utime(lock_path(bench.store.runners_folder, name), ns=(moment, moment))
