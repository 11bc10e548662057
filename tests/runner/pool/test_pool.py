"""The outcomes of calls in a pool, and the state of the processes that run them.

Kills are tested in test_kill.py, deaths of keepers and runners in test_process_deaths.py.
"""

import json
import os
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runner.pool.pool import Pool
from tests.support.pool import calls, loads, pools
from tests.support.pool.pools import Owner, open_pool
from tests.support.waiting import wait_for


def test_a_call_returns_its_result(owner: Owner) -> None:
    outcome = owner.run("echo", value={"a": [1, "ä", None]})
    assert outcome.kind == "returned"
    assert json.loads(outcome.result or "") == {"a": [1, "ä", None]}
    assert outcome.error_type is outcome.error_message is None
    assert 0 <= outcome.seconds < 10


def test_long_requests_and_results_arrive_complete(owner: Owner) -> None:
    text = "äöü\x00" * 3 * 10**5
    assert owner.value("echo", value=text) == text


@pytest.mark.parametrize(
    ("name", "error_type", "message", "retryable"),
    [
        ("plain", "ValueError", "plain words", True),
        ("refused", "Refused", "never", False),
        ("unpicklable", "Unpicklable", "has a lock", True),
        ("unprintable", "Unprintable", "its message is not available (OSError)", True),
        ("surrogates", "ValueError", "a\\udcffb", True),
        ("long", "ValueError", "\U0001f600" * 4000, True),
        ("exit", "SystemExit", "3", True),
        ("interrupt", "KeyboardInterrupt", "keys", True),
    ],
)
def test_an_exception_is_reported_by_type_and_message(
    owner: Owner, name: str, error_type: str, message: str, retryable: bool
) -> None:
    outcome = owner.run("raise_error", name=name)
    assert (outcome.kind, outcome.error_type) == ("raised", error_type)
    assert outcome.error_message == message
    assert outcome.retryable is retryable
    assert owner.value("echo", value=1) == 1


@pytest.mark.parametrize(
    "text", ["", "{", "NaN", "[1, -Infinity]", '"\udcff"', '"\\udcff"', "[" * 10**5]
)
def test_a_result_that_is_not_json_is_an_error(owner: Owner, text: str) -> None:
    outcome = owner.outcome(owner.submit_raw(text))
    assert (outcome.kind, outcome.error_type) == ("raised", "InvalidResult")
    assert not outcome.retryable


def test_a_result_that_is_not_a_string_is_an_error() -> None:
    with open_pool(1, loads.load_numbers) as owner:
        outcome = owner.run("echo", value=1)
    assert (outcome.kind, outcome.error_type) == ("raised", "InvalidResult")
    assert outcome.error_message == "a result is JSON text, not of type int"


def test_a_result_has_a_maximum_size() -> None:
    with open_pool(1, max_result_bytes=1000) as owner:
        assert owner.value("echo", value="x" * 998) == "x" * 998
        outcome = owner.run("echo", value="x" * 999)
    assert (outcome.kind, outcome.error_type) == ("raised", "ResultTooLarge")
    assert not outcome.retryable


@pytest.mark.parametrize(
    ("do", "arguments", "message"),
    [
        ("exit_with_code", {"code": 3}, "the job process exited with code 3"),
        ("exit_with_code", {"code": 0}, "the job process exited with code 0"),
        ("crash", {}, "the job process was killed by SIGSEGV"),
        ("raise_signal", {"number": signal.SIGALRM}, "the job process was killed by SIGALRM"),
        ("raise_signal", {"number": 40}, "the job process was killed by signal 40"),
        ("leave_child_and_die", {}, "the job process exited with code 3"),
        ("become_another_program", {}, "the job process closed its channel"),
        ("close_everything", {}, "the job process closed its channel"),
    ],
)
def test_a_crash_ends_only_its_own_call(
    owner: Owner, tmp_path: Path, do: str, arguments: dict[str, Any], message: str
) -> None:
    gate = tmp_path / "gate"
    neighbour, (pid,) = owner.start("wait_for_file", path=str(gate))
    outcome = owner.run(do, 30.0, **arguments)
    assert (outcome.kind, outcome.error_type) == ("crashed", "Crashed")
    assert outcome.error_message == message
    gate.touch()
    assert owner.outcome(neighbour).result == str(pid)
    assert pools.existing([outcome.pid or 0]) == []


def test_an_answer_counts_even_if_the_process_died_before_it_was_received(
    owner: Owner, tmp_path: Path
) -> None:
    call_id, (pid,) = owner.start("answer_and_die", path=str(tmp_path / "gate"))
    keeper = pools.parent(pid)
    os.kill(keeper, signal.SIGSTOP)
    (tmp_path / "gate").touch()
    wait_for(partial(pools.has_ended, pid))
    os.kill(keeper, signal.SIGCONT)
    outcome = owner.outcome(call_id)
    assert (outcome.kind, outcome.result) == ("returned", '"answered"')
    assert owner.value("pid") != pid


def test_a_child_that_returns_from_the_code_of_the_job_sends_no_answer(owner: Owner) -> None:
    assert owner.value("return_from_fork") == "from the parent"


def test_the_newest_progress_arrives(owner: Owner) -> None:
    call_id = owner.submit("report_each", texts=['{"a": 1}', '{"b": "ä"}'])
    owner.outcome(call_id)
    assert owner.last_progress(call_id) == '{"b": "ä"}'


def test_progress_that_is_too_long_is_dropped(owner: Owner) -> None:
    call_id = owner.submit("report_each", texts=["{}", json.dumps({"a": "x" * 70000})])
    owner.outcome(call_id)
    assert owner.last_progress(call_id) == "{}"


@pytest.mark.parametrize("text", ["", "1", "[1]", "NaN", '{"a": Infinity}', '{"a": "\udcff"}'])
def test_progress_that_is_no_json_object_is_an_error(owner: Owner, text: str) -> None:
    outcome = owner.run("report_each", texts=[text])
    assert (outcome.kind, outcome.error_type) == ("raised", "InvalidProgress")
    assert not outcome.retryable


def test_no_descriptor_is_readable_while_there_is_nothing_to_collect(owner: Owner) -> None:
    owner.run("echo", value=1)
    wait_for(lambda: not any(owner.pool.collect()) and not owner.is_woken())


def test_an_outcome_received_while_reading_pids_wakes_the_owner(owner: Owner) -> None:
    owner.submit("echo", value=1)
    wait_for(lambda: owner.pool.pids() == {} and owner.pool.room() == 2)
    assert owner.is_woken()
    assert len(owner.pool.collect().outcomes) == 1
    assert not owner.is_woken()


def test_a_job_process_is_reused_and_replaced_after_its_last_call() -> None:
    with open_pool(1, jobs_per_process=3) as owner:
        pids = [owner.value("pid") for _ in range(7)]
    assert pids[0] == pids[1] == pids[2] != pids[3]
    assert pids[3] == pids[4] == pids[5] != pids[6]


def test_a_job_process_that_keeps_too_much_memory_is_replaced() -> None:
    with open_pool(1, max_process_bytes=80 * 2**20) as owner:
        first = owner.value("hold_memory", mebibytes=90, keep=False)
        assert owner.value("hold_memory", mebibytes=90, keep=True) == first
        assert owner.value("pid") != first


def test_a_job_process_that_died_while_idle_is_replaced() -> None:
    with open_pool(1) as owner:
        pid = owner.value("pid")
        os.kill(pid, signal.SIGKILL)
        wait_for(partial(pools.has_ended, pid))
        assert owner.value("pid") != pid
        assert pools.existing([pid]) == []


@pytest.mark.timing
def test_cpu_time_and_peak_memory_are_measured_per_call() -> None:
    with open_pool(1) as owner:
        for in_child in (False, True):
            busy = owner.run("use_cpu", seconds=0.3, in_child=in_child)
            assert 0.2 < (busy.cpu_seconds or 0) < 0.6
        large = owner.run("hold_memory", mebibytes=100, keep=False)
        small = owner.run("echo", value=1)
    peaks = large.peak_memory_bytes or 0, small.peak_memory_bytes or 0
    assert peaks[0] > 100 * 2**20 > peaks[1] > 2**20
    assert 0 <= (small.cpu_seconds or 0) < 0.1
    assert len({outcome.pid for outcome in (busy, large, small)}) == 1


def test_a_job_process_inherits_no_descriptor_of_its_runner(tmp_path: Path) -> None:
    files = [os.open(tmp_path / name, os.O_CREAT | os.O_RDWR) for name in ("secret", "kept")]
    for file in files:
        os.set_inheritable(file, True)
        os.ftruncate(file, 1)
    standard_input = os.dup(0)
    os.dup2(files[0], 0)
    with open_pool(1, keep_fds=files[1:] * 2) as owner:
        seen = owner.value("surroundings")
    os.dup2(standard_input, 0)
    for file in [*files, standard_input]:
        os.close(file)
    descriptors = seen.pop("descriptors")
    others = {name: target for name, target in descriptors.items() if name not in ("1", "2")}
    kinds = sorted(
        target.partition(":")[0].removeprefix(str(tmp_path)) for target in others.values()
    )
    # The pipes are those for its output; the socket is its channel.
    assert [kind for kind in kinds if not kind.startswith("/proc/")] == [
        "/dev/null",
        "pipe",
        "pipe",
        "socket",
    ]


def test_a_job_process_has_its_own_session_signals_and_input(owner: Owner) -> None:
    seen = owner.value("surroundings")
    assert seen["session"] == seen["pid"]
    assert (seen["blocked"], seen["sigterm"], seen["stdin"]) == ([], True, "")
    assert seen["core_limit"] == 0
    mine = int(Path("/proc/self/oom_score_adj").read_text())
    assert seen["oom_score"] == min(1000, mine + 500)


def test_a_signal_in_a_job_process_writes_nothing_into_files_of_the_job(
    owner: Owner, tmp_path: Path
) -> None:
    assert owner.value("open_files_and_get_signal", folder=str(tmp_path)) == 0


def test_buffered_output_is_printed_once(capfd: pytest.CaptureFixture[str]) -> None:
    with open_pool(1, loads.load_and_print, jobs_per_process=1, log_bytes=0) as owner:
        for number in range(3):
            owner.run("write", text=f"{number} ")
    assert capfd.readouterr().out == "loaded 0 1 2 "


def test_a_job_can_use_multiprocessing(owner: Owner) -> None:
    assert owner.value("use_multiprocessing") == 6


def test_a_pool_with_running_calls_in_all_slots_has_no_room(owner: Owner, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    call_ids = [owner.submit("wait_for_file", path=str(gate)) for _ in range(2)]
    assert owner.pool.room() == 0
    wait_for(lambda: set(owner.pool.pids()) == set(call_ids))
    wait_for(lambda: owner.pool.room(prefetch=5) == 0)  # no call may wait behind a long one
    gate.touch()
    assert {outcome.kind for outcome in owner.outcomes(call_ids)} == {"returned"}


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan")])
def test_a_timeout_must_be_above_zero(owner: Owner, timeout: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        owner.submit("echo", timeout, value=1)


def test_a_pool_can_be_used_only_in_the_main_thread(owner: Owner) -> None:
    errors = []
    uses = (
        lambda: Pool(1, calls.load, owner.folder),
        lambda: owner.submit("echo", value=1),
    )

    def misuse() -> None:
        for use in uses:
            try:
                use()
            except RuntimeError as error:
                errors.append(str(error))

    thread = threading.Thread(target=misuse)
    thread.start()
    thread.join()
    assert errors == ["a pool is for the main thread only"] * 2
