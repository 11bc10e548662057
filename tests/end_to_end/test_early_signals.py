"""Signals that arrive while a program starts end it like later ones: with code 0."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.programs import Program
from tests.support.waiting import wait_for

SIGNALS = [signal.SIGTERM, signal.SIGINT]
PROGRAMS = ["server", "runner"]


@contextmanager
def starting(name: str, folder: Path, **environ: str) -> Iterator[Program]:
    """Start a program; kills it at the end."""
    address = {"DATA_DIR": str(folder / "data"), "PORT": "0", "HOST": "127.0.0.1"}
    program = Program(name, folder, {**address, **environ})
    try:
        yield program
    finally:
        for process in program.family():
            if process.is_running():
                process.kill()
        program.process.wait()


def catches(program: Program, number: int) -> bool:
    """Whether a program has a handler for a signal."""
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    found = re.search(r"SigCgt:\s*([0-9a-f]+)", status)
    assert found
    return bool(int(found[1], 16) >> number - 1 & 1)


@pytest.mark.heavy
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_signal_right_after_the_start_ends_a_program_with_code_0(
    name: str, number: signal.Signals, tmp_path: Path
) -> None:
    with starting(name, tmp_path) as program:
        # Python itself handles SIGINT from its start, and raises KeyboardInterrupt.
        wait_for(lambda: catches(program, signal.SIGTERM))
        program.process.send_signal(number)
        assert program.process.wait(30) == 0
        assert "Traceback" not in program.log.read_text()
        assert not (tmp_path / "data" / "jobs.db").exists()


@pytest.mark.heavy
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_waits_for_its_database_is_ended_by_a_signal_with_code_0(
    name: str, tmp_path: Path
) -> None:
    with starting(name, tmp_path, DATABASE_URL="postgresql://nobody@127.0.0.1:1/jobs") as program:
        program.logged("cannot start yet, waiting")
        program.process.send_signal(signal.SIGTERM)
        assert program.process.wait(30) == 0
