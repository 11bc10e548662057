"""The units of systemd in deploy/systemd. `make systemd-test` runs them."""

import subprocess

import pytest

from runner.worker import WATCHDOG_SECONDS
from server.start.listener import ABORT_SECONDS, STOP_SECONDS
from tests.support.paths import ROOT

FOLDER = ROOT / "deploy" / "systemd"
SERVICES = ("job-service-listener.service", "job-service-worker.service")


def values(unit: str, name: str) -> list[str]:
    """All values of a setting in a unit, in order."""
    lines = (FOLDER / unit).read_text().splitlines()
    return [value for key, _, value in (line.partition("=") for line in lines) if key == name]


def value(unit: str, name: str) -> str:
    """The only value of a setting."""
    (found,) = values(unit, name)
    return found


def test_no_program_is_given_the_secrets_of_the_other() -> None:
    for unit, program in zip(SERVICES, ("listener", "worker"), strict=True):
        files = values(unit, "EnvironmentFile")
        assert files == ["-/etc/job-service/common.env", f"-/etc/job-service/{program}.env"]


def test_the_workers_own_watchdog_is_faster_and_logs_where_it_hangs() -> None:
    assert float(value(SERVICES[1], "WatchdogSec")) > WATCHDOG_SECONDS


def test_a_listener_has_the_time_that_requests_under_way_are_given() -> None:
    assert float(value(SERVICES[0], "TimeoutStopSec")) > STOP_SECONDS + ABORT_SECONDS


@pytest.mark.parametrize("unit", SERVICES)
def test_services_end_by_their_own_means_and_start_again_without_limit(unit: str) -> None:
    assert value(unit, "Type") == "notify"
    assert value(unit, "KillMode") == "mixed"  # a signal to the jobs would fail them
    assert value(unit, "Restart") == "always"
    assert value(unit, "StartLimitIntervalSec") == "0"


@pytest.mark.parametrize("unit", SERVICES)
def test_no_process_is_hidden_from_a_worker_that_has_to_kill_it(unit: str) -> None:
    """A process that turns PR_SET_DUMPABLE off would be: a job, or a worker seen by a listener."""
    assert values(unit, "ProtectProc") == values(unit, "ProcSubset") == []


@pytest.mark.parametrize("name", ["install", "activate", "job-service-admin"])
def test_the_scripts_are_valid(name: str) -> None:
    subprocess.run(["sh", "-n", str(FOLDER / name)], check=True)
    assert (FOLDER / name).stat().st_mode & 0o111


def test_what_a_command_writes_stays_and_it_may_read_the_journal() -> None:
    text = (FOLDER / "job-service-admin").read_text()
    assert "PrivateTmp" not in text
    assert "--property=SupplementaryGroups=systemd-journal" in text
