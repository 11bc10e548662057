"""The benchmark beside peers: what it makes of figures, and that it leaves nothing."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import deque
from functools import partial
from pathlib import Path

import pytest

from benchmarks.peers import processes
from benchmarks.peers.apps import holding, peer_jobs
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.chart import BARS, chart
from benchmarks.peers.contestant import Contestant
from benchmarks.peers.environments import REQUIREMENTS, versions
from benchmarks.peers.findings import MEASURES, OURS, RUN, TRIP, Figure, Findings
from benchmarks.peers.rounds import measure_all
from benchmarks.peers.table import number, of_figures, of_settings, report
from tests.support.paths import ROOT
from tests.support.pool.pools import existing
from tests.support.waiting import wait_for


def contestant(key: str, missing: str | None = None, **rounds: list[float]) -> Contestant:
    """One whose measures give these values, one a round."""
    values = {measure: iter(given) for measure, given in rounds.items()}
    measures = {name: partial(lambda given, _: (next(given),), it) for name, it in values.items()}
    return Contestant(key, key, key.title(), ["it 1.0"], "as it is", True, measures, missing)


def found_of(*contestants: Contestant) -> Findings:
    *_, found = measure_all(contestants, rounds=3, jobs=1)
    return found


def row_of(text: str, title: str) -> str:
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {title} ")]
    return row


def cells(figure: Figure, *contestants: Contestant, found: Findings | None = None) -> list[str]:
    text = of_figures(contestants, found or found_of(*contestants), [figure])
    return [row_of(text, each.title).split(" | ")[1].removesuffix(" |") for each in contestants]


def test_a_figure_is_the_median_of_its_rounds() -> None:
    assert cells(RUN, contestant(OURS, run=[900.0, 100.0, 500.0])) == ["500"]


def test_more_jobs_a_second_and_less_time_are_both_told_as_times_as_good() -> None:
    ours = contestant(OURS, run=[1000.0] * 3, trip=[5.0] * 3)
    slow = contestant("slow", run=[250.0] * 3, trip=[20.0] * 3)
    quick = contestant("quick", run=[2000.0] * 3, trip=[2.5] * 3)
    all_three = ours, slow, quick
    found = found_of(*all_three)
    assert cells(RUN, *all_three, found=found) == ["1,000", "250 (4.00)", "2,000 (0.50)"]
    assert cells(TRIP, *all_three, found=found) == ["5.00", "20.0 (4.00)", "2.50 (0.50)"]


def test_there_is_no_ratio_to_what_was_not_measured() -> None:
    assert cells(RUN, contestant("alone", run=[5.0] * 3)) == ["5.00"]


def test_a_peer_whose_server_is_missing_is_skipped_and_says_why() -> None:
    lone = contestant("lone", missing="no-server is not installed", run=[])
    assert cells(RUN, contestant(OURS, run=[1.0] * 3), lone) == [
        "1.00",
        "skipped: no-server is not installed",
    ]


def test_a_measure_that_fails_once_has_no_figure_and_says_why(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(jobs: int) -> tuple[float]:
        calls.append(jobs)
        if len(calls) == 2:
            raise SystemExit("199 of 200 jobs were run")
        return (1e9,)

    calls: list[int] = []
    failing = Contestant("bad", "bad", "Bad", [], "", False, {"run": fail})
    assert cells(RUN, contestant(OURS, run=[1.0] * 3), failing) == ["1.00", "failed"]
    assert len(calls) == 2
    assert "199 of 200 jobs were run" in capsys.readouterr().err


def test_what_nobody_tried_to_measure_has_a_dash_or_no_table() -> None:
    ours, other = contestant(OURS, run=[1.0] * 3, trip=[1.0] * 3), contestant("it", run=[1.0] * 3)
    assert cells(TRIP, ours, other) == ["1.00", "–"]  # noqa: RUF001
    text = report([ours, other], found_of(ours, other), "Somewhere.")
    assert text.startswith("Somewhere. In brackets")
    assert "HTTP" not in text


def test_values_that_are_not_those_of_the_measure_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        Findings().add(OURS, "submit", (1.0,))


def test_each_contestant_says_what_it_was() -> None:
    text = of_settings([contestant(OURS)])
    assert row_of(text, "Ours") == "| Ours | it 1.0 | as it is | yes |"


@pytest.mark.parametrize(
    ("value", "told"),
    [(12345.6, "12,346"), (99.96, "100"), (99.94, "99.9"), (9.996, "10.0"), (0.123, "0.12")],
)
def test_numbers_have_as_many_digits_as_tell_something(value: float, told: str) -> None:
    assert number(value) == told


def test_the_chart_has_a_bar_for_each_median_and_the_best_is_the_longest() -> None:
    ours, theirs = contestant(OURS, run=[100.0] * 3), contestant("a<b", run=[25.0] * 3)
    svg = ET.fromstring(chart([ours, theirs], found_of(ours, theirs)))
    bars = svg.findall("{*}rect")
    assert [(bar.get("class"), float(bar.get("width", 0))) for bar in bars] == [
        ("ours", BARS),
        ("theirs", BARS / 4),
    ]
    assert [text.text for text in svg.findall("{*}text")][-3:-1] == ["A<B *", "25.0"]


def test_no_job_may_run_twice_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_jobs, "PATIENCE", 0.01)
    (tmp_path / "ran").write_bytes(b"..")
    peer_jobs.until_all_ran(2, tmp_path)
    with pytest.raises(SystemExit, match="2 of 3 jobs were run"):
        peer_jobs.until_all_ran(3, tmp_path)
    with pytest.raises(SystemExit, match="2 jobs were run, of 1"):
        peer_jobs.until_all_ran(1, tmp_path)


def test_a_program_ends_with_all_it_has_started_in_other_groups_too(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '600'], process_group=0)\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    with processes.running([sys.executable, "-c", code], {}, tmp_path) as log:
        pid = int(wait_for(lambda: log.read_text()))
        leader = processes.session_of(pid)
        assert pid in processes.session(leader)
    assert processes.session(leader) == []


class Slots:
    """Runs jobs in processes while they hold a slot. Jobs that find no free slot wait."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def submit(self, path: str) -> str:
        """Its path is the job's id, too."""
        self._waiting.append(path)
        self._start()
        return path

    def cancel(self, path: str) -> None:
        """Kill it, and start the next."""
        process = self._running.pop(path)
        process.kill()
        process.wait()
        self._start()

    def _start(self) -> None:
        if self._waiting and len(self._running) < holding.SLOTS:
            path = self._waiting.popleft()
            code = "import sys\nfrom benchmarks.peers.apps.holding import run_hold\n"
            command = [sys.executable, "-c", f"{code}run_hold(sys.argv[1])", path]
            self._running[path] = subprocess.Popen(command, cwd=ROOT)


def test_each_cancel_is_timed_until_its_process_is_gone_and_until_the_next_job_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "PAUSE_SECONDS", (0, 0))
    slots = Slots()
    found = holding.measure(slots.submit, slots.cancel, 4, tmp_path)
    assert len(found.gone) == len(found.followed) == 4
    assert all(gone < next_ for gone, next_ in zip(found.gone, found.followed, strict=True))
    pids = [int(path.read_text()) for path in tmp_path.glob("pid-*")]
    assert len(pids) == 4 + holding.SLOTS
    assert existing(pids) == []


def test_what_a_program_said_stands_in_the_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such broker')"]
    with pytest.raises(RuntimeError, match="no such broker"):
        processes.output_of(command, {}, tmp_path)

    def use(log: Path) -> None:
        wait_for(lambda: "broker" in log.read_text())
        raise ValueError("no answer")

    with (
        pytest.raises(ValueError, match="no answer") as caught,
        processes.running(command, {}, tmp_path) as log,
    ):
        use(log)
    assert "no such broker" in caught.value.__notes__[0]


@pytest.mark.parametrize("name", PEERS)
def test_all_that_a_peer_needs_is_pinned(name: str) -> None:
    lines = (REQUIREMENTS / f"{name}.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    assert versions(name, name) == [line.replace("==", " ") for line in lines if name in line][:1]


def test_every_measure_has_figures_of_its_own() -> None:
    figures = [figure for of_measure in MEASURES.values() for figure in of_measure]
    assert len(figures) == len(set(figures))
