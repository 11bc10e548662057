"""The output of calls, as it arrives in the pool."""

import contextlib
import json
import math
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from runner.pool.protocol import messages
from runner.pool.protocol.output import LOG_BYTES, OutputPipes, UnstoredOutput, read_piece
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.output import Piece
from tests.support.pool import output_calls
from tests.support.pool.pools import Owner, cpu_seconds, open_descriptors, open_pool
from tests.support.waiting import wait_for


class Printer:
    """A pool with one slot, and the output of its calls."""

    def __init__(self, owner: Owner):
        self.owner = owner
        self.printed: dict[str, list[Piece]] = {}

    def submit(self, do: str, **arguments: Any) -> str:
        call_id = f"{do} {len(self.printed)}"
        self.printed[call_id] = []
        self.owner.pool.submit(call_id, json.dumps({"do": do, **arguments}), None)
        return call_id

    def collect(self) -> list[tuple[str, AttemptOutcome]]:
        """Collect outcomes and output; returns the outcomes."""
        outcomes, _, output = self.owner.pool.collect()
        for call_id, pieces in output.items():
            self.printed[call_id] += pieces
        return outcomes

    def run(self, do: str, **arguments: Any) -> tuple[AttemptOutcome, list[Piece]]:
        """Run a call; returns its outcome and output."""
        call_id = self.submit(do, **arguments)
        ((_, outcome),) = wait_for(self.collect)
        return outcome, self.printed[call_id]

    def text(self, do: str, **arguments: Any) -> bytes:
        """Run a call; returns its output, which must be complete."""
        _, pieces = self.run(do, **arguments)
        return complete(pieces)


def complete(pieces: list[Piece]) -> bytes:
    """Return the output; fails if a piece is missing."""
    text = b""
    for piece in pieces:
        assert piece.position == len(text)
        text += piece.text
    return text


@contextmanager
def open_printer(**limits: Any) -> Iterator[Printer]:
    with open_pool(1, output_calls.load, **limits) as owner:
        yield Printer(owner)


@pytest.fixture(scope="module")
def printer() -> Iterator[Printer]:
    with open_printer() as printer:
        yield printer


def test_the_output_of_a_call_arrives_before_its_outcome(printer: Printer) -> None:
    for text in ("one", "two €", "x" * 40_000):
        assert printer.text("print", text=text) == f"{text}\n".encode()


def test_a_call_that_closes_its_output_does_not_affect_the_next_call(printer: Printer) -> None:
    assert printer.text("close", seconds=0) == b""
    assert printer.text("print", text="one") == b"one\n"


def test_log_records_of_level_info_and_above_arrive(printer: Printer) -> None:
    assert printer.text("log").endswith(b" INFO a job: value x\n")


def test_the_output_of_child_processes_arrives(printer: Printer) -> None:
    assert sorted(printer.text("child").split()) == [b"err", b"out"]


def test_output_printed_before_a_crash_arrives(printer: Printer) -> None:
    outcome, pieces = printer.run("crash")
    assert outcome.kind == "crashed"
    assert complete(pieces) == b"before\n"


def test_complete_lines_arrive_while_a_call_runs_and_the_rest_after_its_kill(
    printer: Printer,
) -> None:
    call_id = printer.submit("hang")
    wait_for(lambda: printer.collect() or printer.printed[call_id])
    assert complete(printer.printed[call_id]) == b"hangs\n"
    printer.owner.pool.kill(call_id)
    wait_for(printer.collect)
    assert complete(printer.printed[call_id]) == b"hangs\nand more"


def test_the_start_and_the_end_of_a_flood_of_output_arrive(printer: Printer) -> None:
    _, pieces = printer.run("flood", bytes=50_000_000)
    assert pieces[0].text.startswith(b"the start\n")
    assert pieces[-1].text.endswith(b"x\nthe end\n")
    assert max(len(piece.text) for piece in pieces) <= LOG_BYTES


def test_a_flood_of_output_does_not_delay_a_kill(printer: Printer) -> None:
    call_id = printer.submit("flood", bytes=10**13)
    wait_for(lambda: printer.collect() or printer.printed[call_id])
    printer.owner.pool.kill(call_id)
    ((_, outcome),) = wait_for(printer.collect)
    assert outcome.kind == "killed"


def test_a_keeper_does_not_busy_wait_on_closed_output() -> None:
    with open_printer() as printer:
        call_id = printer.submit("close", seconds=600)
        wait_for(lambda: printer.owner.pool.pids())
        (keeper,) = printer.owner.pool._executor._keepers.values()
        assert keeper.pid is not None
        before = cpu_seconds(keeper.pid)
        printer.owner.pool.kill(call_id)
        wait_for(printer.collect)
        assert cpu_seconds(keeper.pid) - before < 0.5


def test_output_pipes_are_closed_with_their_processes() -> None:
    with open_printer(jobs_per_process=1) as printer:
        printer.run("print", text="1")
        (keeper,) = printer.owner.pool._executor._keepers.values()
        pid = keeper.pid or 0
        before = open_descriptors(pid)
        for number in range(5):
            printer.run("print", text=str(number))
        printer.run("crash")
        printer.run("print", text="1")
        assert open_descriptors(pid) < before + 10  # the next process may already exist


def test_with_log_bytes_0_jobs_print_to_the_output_of_the_runner(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with open_printer(log_bytes=0) as printer:
        assert printer.text("print", text="one") == b""
    assert capfd.readouterr().out == "one\n"


def pieces_of(output: OutputPipes) -> list[Piece]:
    """End a call; returns the output that is sent to the pool."""
    pool_end, keeper_end = messages.new_channel()
    with pool_end, keeper_end:
        output.finish(keeper_end, "call_id")
        keeper_end.close()
        pieces = []
        with contextlib.suppress(EOFError):
            while (message := messages.receive(pool_end)) is not None:
                pieces.append(read_piece(message, LOG_BYTES))
    output.close()
    return pieces


def test_the_start_and_the_end_of_a_single_long_write_arrive() -> None:
    output = OutputPipes(1000)
    text = b"start" + b"x" * 40_000 + b"end"
    os.write(output.ends.stdout, text)
    pieces = pieces_of(output)
    assert [piece[:2] for piece in pieces] == [(0, text[:250]), (len(text) - 1000, text[-1000:])]
    assert [[mark.position for mark in piece.marks] for piece in pieces] == [[0], [39_008]]


def test_a_pipe_that_is_always_full_is_not_read_endlessly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output, poll, reads = OutputPipes(1000), select.poll(), count()
    output.register(poll)

    def read(descriptor: int, size: int) -> bytes:
        assert next(reads) < 100, "read endlessly"
        return b"x" * size

    with monkeypatch.context() as patched:
        patched.setattr(os, "read", read)
        output.on_readable(next(iter(output._streams)), poll)
    assert output.next_due(poll) < math.inf
    output.close()


def test_unstored_output_keeps_its_start_and_its_end() -> None:
    pieces = UnstoredOutput(10)
    pieces.add([Piece(0, b"start")])
    for position in range(5, 1000, 5):
        pieces.add([Piece(position, b"12345")])
    assert pieces.pieces[0] == Piece(0, b"start")
    assert pieces.pieces[-1] == Piece(995, b"12345")
    assert sum(len(piece.text) for piece in pieces.pieces) <= 20
