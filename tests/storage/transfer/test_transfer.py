"""All jobs are moved to another database by `python -m storage migrate`."""

import contextlib
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.db import models
from storage.db.database import Database
from storage.db.engines import new_file_engine, open_engine
from storage.db.schema.migrate import HISTORY
from storage.jobs.events import Events
from storage.jobs.idempotency import KeyedJob, StoredKey
from storage.records.job import AttemptOutcome, NewJob, StoreUnavailable, StoreUnusable
from storage.transfer.endpoints import TransferRefused, open_source, open_target
from storage.transfer.tables import BATCH_BYTES, MODELS, Table
from storage.transfer.transfer import Transfer
from tests.support.programs import running_service
from tests.support.servers.s3 import Bucket
from tests.support.stores import Bench
from tests.support.transfers import (
    FILE,
    Content,
    Sides,
    content_of,
    enqueue_many,
    fill,
    is_half_moved,
    wait_until_copying,
)

TO_POSTGRESQL, TO_SQLITE = ("sqlite", "postgresql"), ("postgresql", "sqlite")


@pytest.fixture(params=[TO_POSTGRESQL, TO_SQLITE, ("sqlite", "sqlite")], ids="-to-".join)
def sides(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sides]:
    """Two databases, the second of which is new."""
    with contextlib.ExitStack() as held:
        urls = []
        for kind, name in zip(request.param, ("source", "target"), strict=True):
            (tmp_path / name / "data").mkdir(parents=True)
            if kind == "sqlite":
                urls.append(f"sqlite:///{tmp_path / name / 'data' / 'jobs.db'}")
            else:
                server: Any = request.getfixturevalue("postgres_server")
                urls.append(held.enter_context(server.new_database()))
        yield Sides(urls[0], urls[1], tmp_path)


only_to_postgresql = pytest.mark.parametrize("sides", [TO_POSTGRESQL], indirect=True)
to_either = pytest.mark.parametrize("sides", [TO_POSTGRESQL, TO_SQLITE], indirect=True)


def filled(sides: Sides, count: int = 0) -> Content:
    """Fill the source; the runner of its running job is dead afterwards."""
    with sides.old() as bench:
        fill(bench)
        enqueue_many(bench, count)
        if bench.store.database.postgresql:
            bench.store.database.execute("UPDATE runner SET lease_expires_at = 0")
        return content_of(bench)


def test_all_that_a_store_has_is_moved(sides: Sides) -> None:
    before = filled(sides)
    code, printed = sides.move("--batch", "2")
    assert code == 0, printed
    assert re.search(r"^job +5 +5  same$", printed, re.MULTILINE)
    with sides.new() as bench:
        assert content_of(bench) == before
        key = KeyedJob("a key", "its print", NewJob("sleep", {}))
        (kept,) = bench.jobs.enqueue_once([key])
        assert isinstance(kept, StoredKey)
        assert kept.job_id in before.jobs  # the key still stands for its job
    assert sides.move()[1].endswith("nothing to do: all of it was moved before\n")


def test_the_target_goes_on_where_the_source_has_stopped(sides: Sides) -> None:
    before = filled(sides)
    assert sides.move()[0] == 0
    with sides.new() as bench:
        job_id = bench.enqueue()
        events = Events(bench.store.database)
        (event,) = events.of_job(job_id, 0)  # its triggers are there again
        assert event.version == events.newest() == before.version + 1


@to_either
def test_a_job_that_was_running_runs_again_and_counts_as_lost(sides: Sides) -> None:
    before = filled(sides)
    (running,) = (job for job in before.jobs.values() if job.status == "running")
    assert sides.move()[0] == 0
    with sides.new() as bench:
        holder = bench.runner()
        assert holder.rescuer.rescue() == 1
        assert holder.rescuer.rescue() == 0
        bench.clock.forward(60)
        claimed = {job.id: job for job in holder.claims.claim(10)}
        assert claimed[running.id].attempt == running.attempt + 1
        assert claimed[running.id].attempts[0].outcome == AttemptOutcome.LOST
        tallies = bench.store.database.rows(models.CounterRow.select())
        lost = [row["value"] for row in tallies if row["name"] in ("rescue", "attempt lost")]
        assert lost == [1, 1]


@to_either
def test_a_move_that_is_killed_goes_on_where_it_was(sides: Sides) -> None:
    before = filled(sides, 300)
    killed = 0
    for _ in range(3):
        process = sides.command("--batch", "2")
        rows = random.randrange(1, 250)
        wait_until_copying(sides.target, rows, process)
        process.kill()
        process.communicate()
        if is_half_moved(sides.target):
            killed += 1
            with pytest.raises(StoreUnusable, match="is not finished"):
                sides.new().__enter__()  # no program takes it for whole
    assert killed
    code, printed = sides.move("--batch", "50")
    assert code == 0, printed
    with sides.new() as bench:
        assert content_of(bench) == before


@to_either
def test_nobody_changes_the_source_during_a_move(sides: Sides) -> None:
    filled(sides, 5)
    refused: list[bool] = []

    def change(_: str) -> None:
        if not refused:
            database = Database(open_engine(sides.source))
            delete = models.MomentRow.delete()
            with pytest.raises(StoreUnavailable):
                database.run(delete)
            database.close()
            refused.append(True)

    with moving(sides, change) as move:
        assert all(each.same for each in move.run())
    assert refused


@contextlib.contextmanager
def moving(sides: Sides, tell: Any = lambda line: None) -> Iterator[Transfer]:
    """A move within this process."""
    source = open_source(sides.source, sides.data_dir)
    target = open_target(sides.target)
    try:
        yield Transfer(source, target, "the source", tell, batch=3)
    finally:
        source.close()
        target.close()


@to_either
def test_a_move_goes_on_behind_its_last_batch(sides: Sides) -> None:
    filled(sides, 20)
    lines: list[str] = []

    def tell(line: str) -> None:
        lines.append(line)
        if line.startswith("copying job: 12 "):
            raise KeyboardInterrupt

    with moving(sides, tell) as move, pytest.raises(KeyboardInterrupt):
        move.run()
    lines.clear()
    with moving(sides, lines.append) as move:
        assert all(each.same for each in move.run())
    assert lines[0] == "copying job: 15 of 25"


@to_either
def test_copied_jobs_make_no_events(sides: Sides) -> None:
    filled(sides)
    source, target = open_source(sides.source, sides.data_dir), open_target(sides.target)
    for model in (models.UploadRow, models.JobRow):
        with target.transaction():
            for rows in Table(source, model).batches():
                Table(target, model).insert(rows)
    assert Table(target, models.JobRow).count() == 5
    assert Table(target, models.EventRow).count() == 0
    source.close()
    target.close()


@to_either
def test_a_row_that_is_not_the_same_is_told(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(sides)
    insert = Table.insert

    def wrong(self: Table, rows: Any) -> None:
        if self.name == "attempt":
            rows = [{**row, "cpu_seconds": 0.25} for row in rows]
        insert(self, rows[1:] if self.name == "event" else rows)

    with monkeypatch.context() as patched, moving(sides) as move:
        patched.setattr(Table, "insert", wrong)
        compared = {each.table: each for each in move.run()}
    assert {name for name, each in compared.items() if not each.same} == {"attempt", "event"}
    assert compared["event"].source > compared["event"].target
    assert is_half_moved(sides.target)


@to_either
def test_a_target_with_jobs_of_its_own_or_of_another_source_is_refused(sides: Sides) -> None:
    filled(sides)
    with sides.new() as bench:
        job_id = bench.enqueue()
    code, printed = sides.move()
    assert (code, "jobs that are not from this move" in printed) == (1, True)
    with sides.new() as bench:
        assert list(content_of(bench).jobs) == [job_id]


@to_either
def test_a_source_that_was_changed_since_or_is_another_one_is_refused(sides: Sides) -> None:
    filled(sides)
    with moving(sides) as move:
        assert move.run()
    code, printed = sides.move()
    assert (code, "a move from the source has filled it" in printed) == (1, True)
    with sides.old() as bench:
        bench.enqueue()
    with moving(sides) as move, pytest.raises(TransferRefused, match="has changed since"):
        move.run()


@to_either
@pytest.mark.parametrize("name", ["server", "runner"])
def test_it_is_refused_while_a_program_runs_on_the_source(sides: Sides, name: str) -> None:
    with running_service(sides.source, sides.data_dir.parent) as service:
        if name == "runner":
            service.worker()
            service.listener.stop()
        code, printed = sides.move()
        assert (code, "--from: stop all that use it first" in printed) == (1, True)
        elsewhere = Sides(sides.source, sides.target, sides.folder / "elsewhere")
        code, printed = elsewhere.move()  # also where their folder is not known
        assert (code, "--from: stop all that use it first" in printed) == (1, True)


@only_to_postgresql
def test_it_is_refused_while_a_program_runs_on_the_target(sides: Sides) -> None:
    filled(sides)
    with running_service(sides.target, sides.new_data_dir.parent):
        code, printed = sides.move()
    assert (code, "--to: stop all that use it first: job-service listener" in printed) == (1, True)


@only_to_postgresql
def test_uploads_are_copied_with_their_hashes_checked(sides: Sides) -> None:
    before = filled(sides)
    (upload,) = {job.upload for job in before.jobs.values() if job.upload}
    files, copies = sides.data_dir / "uploads" / "files", sides.new_data_dir / "uploads" / "files"
    name, option = str(upload.id), ("--uploads-to", f"file://{sides.new_data_dir / 'uploads'}")
    (files / name).write_bytes(FILE[::-1])
    code, printed = sides.move(*option)
    assert (code, name in printed, list(copies.iterdir())) == (1, True, [])
    (files / name).write_bytes(FILE)
    (copies.parent / "incoming" / name).write_bytes(b"of one that was killed")
    code, printed = sides.move(*option)
    assert (code, (copies / name).read_bytes()) == (0, FILE), printed


@only_to_postgresql
def test_uploads_are_copied_into_a_bucket(sides: Sides, bucket: Bucket) -> None:
    before = filled(sides)
    (upload,) = {job.upload for job in before.jobs.values() if job.upload}
    own = {name: value for name, value in bucket.settings.items() if name != "UPLOADS_URL"}
    to = ("--uploads-to", bucket.settings["UPLOADS_URL"])
    process = sides.command(*to, **{**own, "AWS_SECRET_ACCESS_KEY": ""})
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 1, printed
    process = sides.command(*to, **own)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0, printed
    stored = bucket.keys()
    assert [key.rpartition("/")[2] for key in stored] == [str(upload.id)]
    assert bucket.read(upload.id) == FILE
    assert bucket.open_parts() == []


@only_to_postgresql
def test_a_file_that_is_missing_is_told_before_anything_is_moved(sides: Sides) -> None:
    before = filled(sides)
    (upload,) = {job.upload for job in before.jobs.values() if job.upload}
    (sides.data_dir / "uploads" / "files" / str(upload.id)).unlink()
    code, printed = sides.move()
    assert (code, f"{upload.id} (überall.log)" in printed) == (1, True)
    with sides.new() as bench:
        assert content_of(bench).jobs == {}


def test_what_cannot_be_a_source_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path / 'new.db'}"
    missing = tmp_path / "none.db"
    code, printed = Sides(f"sqlite:///{missing}", target, tmp_path).move()
    assert (code, f"there is no file {missing}" in printed) == (1, True)
    assert not missing.exists()
    foreign = Database(new_file_engine(tmp_path / "foreign.db"))
    foreign.execute("CREATE TABLE theirs (id INTEGER)")
    foreign.close()
    content = (tmp_path / "foreign.db").read_bytes()
    code, printed = Sides(f"sqlite:///{tmp_path / 'foreign.db'}", target, tmp_path).move()
    assert (code, "not a database of this service" in printed) == (1, True)
    assert (tmp_path / "foreign.db").read_bytes() == content
    code, printed = Sides(target, target, tmp_path).move()
    assert (code, "the same database" in printed) == (1, True)


def test_each_table_and_each_column_is_moved(bench: Bench) -> None:
    engine = bench.store.database.engine
    kept = {HISTORY, "runner", "move"}
    moved: dict[str, Any] = {model._meta.table_name: model for model in MODELS}
    assert set(engine.get_tables()) - kept == set(moved)
    for name, model in moved.items():
        columns = {column.name for column in engine.get_columns(name)}
        assert columns == set(model._meta.sorted_field_names), name


def test_large_rows_are_read_a_few_at_a_time(bench: Bench) -> None:
    payload = {"text": "x" * (BATCH_BYTES // 8)}
    bench.jobs.enqueue([NewJob("sleep", payload) for _ in range(40)])
    sizes = [len(rows) for rows in Table(bench.store.database, models.JobRow).batches()]
    assert (sum(sizes), max(sizes)) == (40, 16)
    assert min(sizes) < 9
