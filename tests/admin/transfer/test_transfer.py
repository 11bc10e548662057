"""`python -m storage transfer` transfers all jobs to another database."""

import contextlib
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from admin.transfer.endpoints import TransferRefused, open_source, open_target
from admin.transfer.tables import BATCH_BYTES, MODELS, Table
from admin.transfer.transfer import Transfer
from storage.db import models
from storage.db.database import Database, open_engine
from storage.db.schema.state import HISTORY
from storage.db.sqlite import Sqlite
from storage.jobs.events import Events
from storage.jobs.idempotency import KeyedJob, StoredKey
from storage.records.job import NewJob, Outcome, StoreUnavailable, StoreUnusable
from tests.support.newer_release import (
    EXPAND,
    NAME,
    OLDEST,
    make_before_schema,
    release_with,
    update_schema,
)
from tests.support.programs import running_service
from tests.support.servers.s3 import Bucket
from tests.support.stores import Bench
from tests.support.transfers import (
    FILE,
    Content,
    TransferSetup,
    content_of,
    enqueue_many,
    fill_store,
    is_unfinished,
    wait_until_copying,
)

TO_POSTGRESQL, TO_SQLITE = ("sqlite", "postgresql"), ("postgresql", "sqlite")


@pytest.fixture(params=[TO_POSTGRESQL, TO_SQLITE, ("sqlite", "sqlite")], ids="-to-".join)
def setup(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TransferSetup]:
    """A source database with nothing in it yet, and a new target database."""
    with contextlib.ExitStack() as held:
        urls = []
        for kind, name in zip(request.param, ("source", "target"), strict=True):
            (tmp_path / name / "data").mkdir(parents=True)
            if kind == "sqlite":
                urls.append(f"sqlite:///{tmp_path / name / 'data' / 'jobs.db'}")
            else:
                server: Any = request.getfixturevalue("postgres_server")
                urls.append(held.enter_context(server.new_database()))
        yield TransferSetup(urls[0], urls[1], tmp_path)


only_to_postgresql = pytest.mark.parametrize("setup", [TO_POSTGRESQL], indirect=True)
to_either = pytest.mark.parametrize("setup", [TO_POSTGRESQL, TO_SQLITE], indirect=True)


def fill_source(setup: TransferSetup, count: int = 0) -> Content:
    """Fill the source. The runner of its running job is dead afterwards."""
    with setup.open_source() as bench:
        fill_store(bench)
        enqueue_many(bench, count)
        if bench.store.database.postgresql:
            bench.store.database.execute("UPDATE runner SET lease_expires_at = 0")
        return content_of(bench)


@pytest.mark.heavy
def test_the_whole_store_is_transferred(setup: TransferSetup) -> None:
    before = fill_source(setup)
    code, printed = setup.run("--batch", "2")
    assert code == 0, printed
    assert re.search(r"^job +6 +6  same$", printed, re.MULTILINE)
    with setup.open_target() as bench:
        assert content_of(bench) == before
        key = KeyedJob("a key", "its print", NewJob("sleep", {}))
        (kept,) = bench.jobs.enqueue_once([key])
        assert isinstance(kept, StoredKey)
        assert kept.job_id in before.jobs  # the key still stands for its job
    assert setup.run()[1].endswith("nothing to do: all rows were transferred before\n")


@pytest.mark.heavy
def test_change_numbers_continue_on_the_target(setup: TransferSetup) -> None:
    before = fill_source(setup)
    assert setup.run()[0] == 0
    with setup.open_target() as bench:
        job_id = bench.enqueue()
        events = Events(bench.store.database)
        (event,) = events.of_job(job_id, 0)  # its triggers are there again
        assert event.version == events.newest() == before.version + 1


@to_either
def test_a_job_that_was_running_runs_again_and_counts_as_lost(setup: TransferSetup) -> None:
    before = fill_source(setup)
    (running,) = (job for job in before.jobs.values() if job.status == "running")
    assert setup.run()[0] == 0
    with setup.open_target() as bench:
        holder = bench.runner()
        assert holder.rescuer.rescue() == 1
        assert holder.rescuer.rescue() == 0
        bench.clock.forward(60)
        claimed = {job.id: job for job in holder.claims.claim(10)}
        assert claimed[running.id].attempt == running.attempt + 1
        assert claimed[running.id].attempts[0].outcome == Outcome.LOST
        counters = bench.store.database.rows(models.CounterRow.select())
        lost = [row["value"] for row in counters if row["name"] in ("rescue", "attempt lost")]
        assert lost == [1, 1]


@pytest.mark.heavy
@to_either
def test_a_killed_transfer_continues_where_it_was(setup: TransferSetup) -> None:
    before = fill_source(setup, 300)
    killed = 0
    for _ in range(3):
        process = setup.start("--batch", "2")
        rows = random.randrange(1, 250)
        wait_until_copying(setup.target, rows, process)
        process.kill()
        process.communicate()
        if is_unfinished(setup.target):
            killed += 1
            with pytest.raises(StoreUnusable, match="is not finished"):
                setup.open_target().__enter__()  # no program starts on it
    assert killed
    code, printed = setup.run("--batch", "50")
    assert code == 0, printed
    with setup.open_target() as bench:
        assert content_of(bench) == before


@pytest.mark.heavy
@to_either
def test_the_source_cannot_be_changed_during_a_transfer(setup: TransferSetup) -> None:
    fill_source(setup, 5)
    refused: list[bool] = []

    def change(_: str) -> None:
        if not refused:
            database = Database(open_engine(setup.source))
            delete = models.MomentRow.delete()
            with pytest.raises(StoreUnavailable):
                database.run(delete)
            database.close()
            refused.append(True)

    with open_transfer(setup, change) as transfer:
        assert all(each.same for each in transfer.run())
    assert refused


@contextlib.contextmanager
def open_transfer(setup: TransferSetup, progress: Any = lambda line: None) -> Iterator[Transfer]:
    """A transfer within this process."""
    source = open_source(setup.source, setup.data_dir)
    target = open_target(setup.target)
    try:
        yield Transfer(source, target, "the source", progress, batch=3)
    finally:
        source.close()
        target.close()


@pytest.mark.heavy
@to_either
def test_a_transfer_continues_after_its_last_batch(setup: TransferSetup) -> None:
    fill_source(setup, 20)
    lines: list[str] = []

    def progress(line: str) -> None:
        lines.append(line)
        if line.startswith("copying job: 12 "):
            raise KeyboardInterrupt

    with open_transfer(setup, progress) as transfer, pytest.raises(KeyboardInterrupt):
        transfer.run()
    lines.clear()
    with open_transfer(setup, lines.append) as transfer:
        assert all(each.same for each in transfer.run())
    assert lines[0] == "copying job: 15 of 26"


@pytest.mark.heavy
@to_either
def test_copied_jobs_create_no_events(setup: TransferSetup) -> None:
    fill_source(setup)
    source, target = open_source(setup.source, setup.data_dir), open_target(setup.target)
    for model in (models.UploadRow, models.JobRow):
        with target.transaction():
            for rows in Table(source, model).batches():
                Table(target, model).insert(rows)
    assert Table(target, models.JobRow).count() == 6
    assert Table(target, models.EventRow).count() == 0
    source.close()
    target.close()


@pytest.mark.heavy
@to_either
def test_a_row_that_differs_is_reported(
    setup: TransferSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_source(setup)
    insert = Table.insert

    def insert_wrong(self: Table, rows: Any) -> None:
        if self.name == "attempt":
            rows = [{**row, "cpu_seconds": 0.25} for row in rows]
        insert(self, rows[1:] if self.name == "event" else rows)

    with monkeypatch.context() as patched, open_transfer(setup) as transfer:
        patched.setattr(Table, "insert", insert_wrong)
        compared = {each.table: each for each in transfer.run()}
    assert {name for name, each in compared.items() if not each.same} == {"attempt", "event"}
    assert compared["event"].source > compared["event"].target
    assert is_unfinished(setup.target)


@pytest.mark.heavy
@to_either
def test_a_target_with_jobs_of_its_own_or_of_another_source_is_refused(
    setup: TransferSetup,
) -> None:
    fill_source(setup)
    with setup.open_target() as bench:
        job_id = bench.enqueue()
    code, printed = setup.run()
    assert (code, "jobs that are not from this copy" in printed) == (1, True)
    with setup.open_target() as bench:
        assert list(content_of(bench).jobs) == [job_id]


@pytest.mark.heavy
@to_either
def test_another_source_or_one_that_has_changed_is_refused(setup: TransferSetup) -> None:
    fill_source(setup)
    with open_transfer(setup) as transfer:
        assert transfer.run()
    code, printed = setup.run()
    assert (code, "filled by a transfer from the source" in printed) == (1, True)
    with setup.open_source() as bench:
        bench.enqueue()
    with (
        open_transfer(setup) as transfer,
        pytest.raises(TransferRefused, match="has changed since"),
    ):
        transfer.run()


@pytest.mark.heavy
@to_either
@pytest.mark.parametrize("name", ["server", "runner"])
def test_it_is_refused_while_a_program_runs_on_the_source(setup: TransferSetup, name: str) -> None:
    with running_service(setup.source, setup.data_dir.parent) as service:
        if name == "runner":
            service.worker()
            service.listener.stop()
        code, printed = setup.run()
        assert (code, "--from: first stop all programs that use it" in printed) == (1, True)
        elsewhere = TransferSetup(setup.source, setup.target, setup.folder / "elsewhere")
        code, printed = elsewhere.run()  # also if their DATA_DIR is not known
        assert (code, "--from: first stop all programs that use it" in printed) == (1, True)


@pytest.mark.heavy
@only_to_postgresql
def test_it_is_refused_while_a_program_runs_on_the_target(setup: TransferSetup) -> None:
    fill_source(setup)
    with running_service(setup.target, setup.new_data_dir.parent):
        code, printed = setup.run()
    assert (code, "--to: first stop all programs that use it: job-service listener" in printed) == (
        1,
        True,
    )


@only_to_postgresql
def test_uploads_are_copied_with_their_hashes_checked(setup: TransferSetup) -> None:
    before = fill_source(setup)
    (upload,) = {job.upload for job in before.jobs.values() if job.upload}
    files, copies = setup.data_dir / "uploads" / "files", setup.new_data_dir / "uploads" / "files"
    name, option = str(upload.id), ("--uploads-to", f"file://{setup.new_data_dir / 'uploads'}")
    (files / name).write_bytes(FILE[::-1])
    code, printed = setup.run(*option)
    assert (code, name in printed, list(copies.iterdir())) == (1, True, [])
    (files / name).write_bytes(FILE)
    (copies.parent / "incoming" / name).write_bytes(b"of one that was killed")
    code, printed = setup.run(*option)
    assert (code, (copies / name).read_bytes()) == (0, FILE), printed


@only_to_postgresql
def test_files_that_jobs_have_left_are_copied_with_their_hashes_checked(
    setup: TransferSetup,
) -> None:
    before = fill_source(setup)
    empty, file = next(files for files in before.files.values() if files)
    folders = [each / "uploads" / "artifacts" for each in (setup.data_dir, setup.new_data_dir)]
    stored, copy = (folder / str(file.key) for folder in folders)
    option = ("--uploads-to", f"file://{setup.new_data_dir / 'uploads'}")
    stored.write_bytes(FILE[::-1])
    code, printed = setup.run(*option)
    assert (code, f"job {file.job_id} (ä.txt)" in printed, copy.exists()) == (1, True, False)
    stored.write_bytes(FILE)
    copy.write_bytes(b"of one that was killed")
    code, printed = setup.run(*option)
    assert (code, copy.read_bytes()) == (0, FILE), printed
    assert (folders[1] / str(empty.key)).read_bytes() == b""


@pytest.mark.heavy
@only_to_postgresql
def test_uploads_are_copied_into_a_bucket(setup: TransferSetup, bucket: Bucket) -> None:
    before = fill_source(setup)
    (upload,) = {job.upload for job in before.jobs.values() if job.upload}
    own = {name: value for name, value in bucket.settings.items() if name != "UPLOADS_URL"}
    to = ("--uploads-to", bucket.settings["UPLOADS_URL"])
    process = setup.start(*to, **{**own, "AWS_SECRET_ACCESS_KEY": ""})
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 1, printed
    process = setup.start(*to, **own)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0, printed
    stored = bucket.keys()
    left = [file for files in before.files.values() for file in files]
    assert {key.rpartition("/")[2] for key in stored} == {
        str(upload.id),
        *(str(file.key) for file in left),
    }
    assert bucket.read(upload.id) == FILE
    assert bucket.read(f"artifacts/{left[1].key}") == FILE
    assert bucket.open_parts() == []


@only_to_postgresql
def test_a_missing_file_is_reported_before_anything_is_copied(setup: TransferSetup) -> None:
    before = fill_source(setup)
    (upload,) = {job.upload for job in before.jobs.values() if job.upload}
    (setup.data_dir / "uploads" / "files" / str(upload.id)).unlink()
    code, printed = setup.run()
    assert (code, f"{upload.id} (überall.log)" in printed) == (1, True)
    with setup.open_target() as bench:
        assert content_of(bench).jobs == {}


def test_an_invalid_source_is_refused_and_left_unchanged(tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path / 'new.db'}"
    missing = tmp_path / "none.db"
    code, printed = TransferSetup(f"sqlite:///{missing}", target, tmp_path).run()
    assert (code, f"there is no file {missing}" in printed) == (1, True)
    assert not missing.exists()
    foreign = Database(Sqlite(str(tmp_path / "foreign.db")))
    foreign.execute("CREATE TABLE theirs (id INTEGER)")
    foreign.close()
    content = (tmp_path / "foreign.db").read_bytes()
    code, printed = TransferSetup(f"sqlite:///{tmp_path / 'foreign.db'}", target, tmp_path).run()
    assert (code, "not a database of this service" in printed) == (1, True)
    assert (tmp_path / "foreign.db").read_bytes() == content
    code, printed = TransferSetup(target, target, tmp_path).run()
    assert (code, "the same database" in printed) == (1, True)


@pytest.mark.heavy
def test_a_source_of_the_release_before_is_transferred(
    setup: TransferSetup, tmp_path: Path
) -> None:
    make_before_schema(setup.source, tmp_path)
    code, printed = setup.run()
    assert (code, "DIFFERENT" in printed) == (0, False), printed


@pytest.mark.heavy
def test_a_source_of_a_newer_release_is_refused(setup: TransferSetup, tmp_path: Path) -> None:
    """This release would leave out the columns that it does not know."""
    fill_source(setup)
    with release_with(tmp_path, EXPAND, OLDEST):
        update_schema(setup.source, tmp_path)
    code, printed = setup.run()
    assert (code, f"--from: it has the schema of a newer release ({NAME})" in printed) == (1, True)


def test_each_table_and_column_is_transferred(bench: Bench) -> None:
    engine = bench.store.database.engine
    kept = {HISTORY, "schema_release", "runner", "lost_runner", "move", "part"}
    transferred: dict[str, Any] = {model._meta.table_name: model for model in MODELS}
    assert set(engine.get_tables()) - kept == set(transferred)
    for name, model in transferred.items():
        columns = {column.name for column in engine.peewee.get_columns(name)}
        if name == "counter":
            columns.remove("base")  # describes the file, see storage/db/sqlite_file/wal_file.py
        assert columns == set(model._meta.sorted_field_names), name


def test_large_rows_are_read_a_few_at_a_time(bench: Bench) -> None:
    payload = {"text": "x" * (BATCH_BYTES // 8)}
    bench.jobs.enqueue([NewJob("sleep", payload) for _ in range(40)])
    sizes = [len(rows) for rows in Table(bench.store.database, models.JobRow).batches()]
    assert (sum(sizes), max(sizes)) == (40, 16)
    assert min(sizes) < 9
