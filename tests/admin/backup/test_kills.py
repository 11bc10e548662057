"""`kill -9` during a backup or a restore leaves nothing that counts as one. The next goes on."""

import os
import random
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage.db.database import Database, open_engine
from storage.db.models import JobRow
from tests.support.backups import (
    back_up,
    files_below,
    put_back,
    read_all,
    store_upload,
    stored_in,
)
from tests.support.stores import Bench, open_bench
from tests.support.transfers import content_of, enqueue_many, fill_store
from tests.support.waiting import wait_for

KILLS, FILES = 3, 60


def run_and_kill(environ: dict[str, str], folder: Path, count: int, *command: str) -> bool:
    """Start `python -m storage` with this command, and kill it when a folder has `count` files
    more; returns whether it was killed."""
    least = files_below(folder) + count
    process = subprocess.Popen(
        [sys.executable, "-m", "storage", *command],
        env={**os.environ, "LOG_LEVEL": "WARNING", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_for(lambda: files_below(folder) >= least or process.poll() is not None, 30)
    process.kill()
    _, errors = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode != 0


def fill(bench: Bench) -> None:
    """Fill a store, so that a backup has many files."""
    fill_store(bench)
    enqueue_many(bench, 100)
    for number in range(FILES):
        data = random.Random(number).randbytes(20_000)
        bench.enqueue("analyze", upload=store_upload(bench, data))


@pytest.mark.heavy
def test_a_killed_backup_is_none_and_the_next_one_goes_on(bench: Bench, tmp_path: Path) -> None:
    fill(bench)
    theirs = bench.store.settings
    environ = {"DATA_DIR": str(theirs.data_dir), "DATABASE_URL": theirs.database_url}
    backups = tmp_path / "backups"
    killed = 0
    for number in range(KILLS):
        killed += run_and_kill(environ, backups, 1 + 15 * number, "backup", "--to", str(backups))
        found = read_all(backups)
        assert (found.damaged, found.incomplete) == ([], {})
        assert len(found.backups) == number + 1 - killed
    assert killed > 0
    back_up(bench, backups)
    assert read_all(backups).is_sound


def holds_jobs(url: str) -> bool:
    """Whether a database has jobs: a restore was killed after its last commit."""
    if not url.startswith("postgresql"):
        return Path(url.removeprefix("sqlite:///")).exists()
    with closing(Database(open_engine(url, "test"))) as database:
        tables = database.engine.get_tables()
        return "job" in tables and bool(database.rows(JobRow.select(JobRow.id).limit(1)))


@pytest.mark.heavy
def test_a_killed_restore_leaves_no_store_and_the_next_one_goes_on(
    bench: Bench, tmp_path: Path, target_url: str
) -> None:
    fill(bench)
    back_up(bench, tmp_path / "backups")
    before = content_of(bench)
    new = tmp_path / "new"
    environ = {"DATA_DIR": str(new / "data"), "DATABASE_URL": target_url}
    command = "restore", "--from", str(tmp_path / "backups")
    url = target_url or f"sqlite:///{new / 'data/jobs.db'}"
    for number in range(KILLS):
        if not run_and_kill(environ, new, 1 + 20 * number, *command) or holds_jobs(url):
            break
    else:
        put_back(tmp_path / "backups", new, target_url)
    with open_bench(url, new) as restored:
        assert content_of(restored) == before
    assert len(stored_in(new / "data/uploads", "files")) == FILES + 1
