"""The output of attempts in the store."""

from itertools import pairwise

import pytest

from storage.db.models import OutputRow
from storage.jobs.output import OutputPiece, OutputReader
from storage.jobs.retention import Retention
from storage.jobs.rows import LAST_BYTES
from storage.records.output import Mark, Stream
from tests.support.stores import RAISED, RETURNED, Bench

MOST = 4096


@pytest.fixture
def outputs(bench: Bench) -> OutputReader:
    return OutputReader(bench.store.database)


def joined(parts: list[OutputPiece]) -> bytes:
    """Join pieces that follow each other without a gap."""
    for one, other in pairwise(parts):
        assert one.position + len(one.text) == other.position
    return b"".join(part.text for part in parts)


def test_output_of_an_attempt_is_kept_in_order(bench: Bench, outputs: OutputReader) -> None:
    bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    runner.claims.store_output(fence, [(0, b"one\n"), (4, b"two\n")], MOST)
    runner.claims.store_output(fence, [(8, b"\xff\x00\n")], MOST)
    parts = outputs.of_attempt(fence.job_id, 1)
    assert joined(parts) == b"one\ntwo\n\xff\x00\n"
    assert [part.position for part in parts] == [0, 4, 8]
    assert outputs.of_job(fence.job_id, parts[0].version) == parts[1:]
    assert outputs.between(parts[0].version, parts[1].version) == parts[1:2]


def test_each_attempt_has_its_own_output(bench: Bench, outputs: OutputReader) -> None:
    job_id, runner = bench.enqueue(max_retries=1), bench.runner()
    first = runner.claim_one()
    runner.claims.store_output(first, [(0, b"first")], MOST)
    runner.claims.retry(first, RAISED, 0)
    second = runner.claim_one()
    runner.claims.store_output(second, [(0, b"second")], MOST)
    assert [joined(outputs.of_attempt(job_id, number)) for number in (1, 2)] == [
        b"first",
        b"second",
    ]
    assert joined(outputs.of_attempt(job_id, 3)) == b""


def test_a_failed_attempt_has_its_last_lines_of_output(bench: Bench) -> None:
    job_id, runner = bench.enqueue(max_retries=2), bench.runner()
    printed = "".join(f"line {number}\n" for number in range(30)).encode()
    fence = runner.claim_one()
    runner.claims.store_output(fence, [(0, printed), (len(printed), b"\xff at last")], 10**5)
    runner.claims.retry(fence, RAISED, 0)
    silent = runner.claim_one()
    runner.claims.retry(silent, RAISED, 0)
    well = runner.claim_one()
    runner.claims.store_output(well, [(0, b"all is well\n")], MOST)
    assert bench.job(job_id).attempts[2].last_lines == ()
    runner.claims.complete(well, "null", RETURNED)
    found = [attempt.last_lines for attempt in bench.job(job_id).attempts]
    assert found == [(*(f"line {n}" for n in range(21, 30)), "\ufffd at last"), (), ()]


def test_only_the_end_of_a_long_last_line_is_returned(bench: Bench) -> None:
    bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    runner.claims.store_output(fence, [(0, b"x" * 50_000 + b"end")], 10**6)
    runner.claims.fail(fence, RAISED)
    (attempt,) = bench.job(fence.job_id).attempts
    assert [len(line) for line in attempt.last_lines] == [LAST_BYTES]
    assert attempt.last_lines[0].endswith("xend")


def test_only_the_holder_can_store_output(bench: Bench, outputs: OutputReader) -> None:
    job_id, runner = bench.enqueue(), bench.runner()
    fence = runner.claim_one()
    runner.claims.complete(fence, "null", RETURNED)
    runner.claims.store_output(fence, [(0, b"late")], MOST)
    assert outputs.of_attempt(job_id, 1) == []


def test_output_stored_twice_is_kept_once(bench: Bench, outputs: OutputReader) -> None:
    bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    for _ in range(2):
        runner.claims.store_output(fence, [(0, b"one\n")], MOST)
    assert joined(outputs.of_attempt(fence.job_id, 1)) == b"one\n"


def test_the_start_and_the_end_of_long_output_are_kept(bench: Bench, outputs: OutputReader) -> None:
    bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    lines = [f"line {number:05}\n".encode() for number in range(3000)]
    whole = b"".join(lines)
    for position in range(0, len(whole), 1100):
        runner.claims.store_output(fence, [(position, whole[position : position + 1100])], MOST)
        kept = sum(len(part.text) for part in outputs.of_attempt(fence.job_id, 1))
        assert kept <= MOST
    parts = outputs.of_attempt(fence.job_id, 1)
    assert all(whole[p.position : p.position + len(p.text)] == p.text for p in parts)
    start = [part for part in parts if part.position < MOST]
    end = [part for part in parts if part.position >= MOST]
    assert len(joined(start)) >= MOST // 4
    assert len(joined(end)) >= MOST // 2
    assert joined(end).endswith(lines[-1])


def test_a_piece_ends_at_a_line_or_at_least_at_a_character(
    bench: Bench, outputs: OutputReader
) -> None:
    bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    text = ("x" * 500 + "\n" + "€" * 500).encode()
    runner.claims.store_output(fence, [(0, text)], MOST)
    parts = outputs.of_attempt(fence.job_id, 1)
    assert joined(parts) == text
    assert parts[0].text == b"x" * 500 + b"\n"
    assert [part.text.decode() for part in parts[1:]]
    assert max(len(part.text) for part in parts) <= MOST // 8


def test_output_is_deleted_with_its_job(bench: Bench, outputs: OutputReader) -> None:
    bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    runner.claims.store_output(fence, [(0, b"one\n")], MOST)
    runner.claims.complete(fence, "null", RETURNED)
    Retention(bench.store.database, (), 0).prune(bench.clock() + 1)
    assert outputs.between(0, 2**62) == []


def test_marks_are_stored_with_the_pieces_that_they_are_in(
    bench: Bench, outputs: OutputReader
) -> None:
    bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    entry = Mark(1000, Stream.LOG, 5, 20, 30, 3, 100, 10)
    run = Mark(1500, Stream.STDERR, 6)
    runner.claims.store_output(fence, [(1000, b"x\n" * 750, (entry, run))], MOST)
    first, *others = outputs.of_attempt(fence.job_id, 1)
    assert first.piece.marks == (entry, run)
    assert len(others) == 2
    assert [other.piece.marks for other in others] == [
        (run._replace(position=other.position),) for other in others
    ]


def test_a_piece_ends_before_a_log_entry_that_would_be_cut(
    bench: Bench, outputs: OutputReader
) -> None:
    bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    marks = (Mark(0, Stream.STDOUT, 5), Mark(300, Stream.LOG, 5, 20), Mark(700, Stream.STDOUT, 5))
    runner.claims.store_output(fence, [(0, b"x\n" * 500, marks)], MOST)
    parts = outputs.of_attempt(fence.job_id, 1)
    assert [part.position for part in parts] == [0, 300, 812]


def test_marks_that_cannot_be_read_are_no_marks(bench: Bench, outputs: OutputReader) -> None:
    bench.enqueue()
    runner = bench.runner()
    fence = runner.claim_one()
    runner.claims.store_output(fence, [(0, b"one\n", (Mark(0, Stream.STDOUT, 5),))], MOST)
    for marks in (
        "",
        "{",
        "{}",
        "[1]",
        "[[0,1]]",
        "[[0,3,5]]",
        "[[0,1,-1]]",
        "[[0,1,10000000000000]]",
    ):
        with bench.store.database.transaction():
            bench.store.database.run(OutputRow.update(marks=marks))
        (part,) = outputs.of_attempt(fence.job_id, 1)
        assert part.piece.marks == ()
