"""One machine: its services run jobs, restart without a refused connection, and are watched."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from tests.support.waiting import wait_for
from tests.system.docker.client import outcomes
from tests.system.systemd.machine import LISTENER, WORKER, Machine

LOAD = "/src/tests/system/systemd/files/load.py"
RESTARTS = 5
MAX_EXPOSURE = {LISTENER: 2.0, WORKER: 3.5}
"""Of `systemd-analyze security`, from 0 to 10. A service without any sandboxing has 9.6."""


def one_command_installs_and_starts_the_service(machine: Machine) -> str:
    output = machine.install()
    assert "http://localhost:5000, data in /var/lib/job-service\n3 slots" in output, output
    assert machine.install() == output.partition("\n")[2], "installed twice"
    return machine.releases()[0]


def jobs_run_and_are_isolated(machine: Machine) -> None:
    job = machine.client.final(machine.client.sleep(0))
    assert job["status"] == "succeeded", job
    levels = {line["level"] for unit in (LISTENER, WORKER) for line in machine.log(unit)}
    assert levels == {"INFO"}, levels  # a warning would tell that jobs are not isolated
    said = [line["message"] for line in machine.log(WORKER)]
    assert "each job process has a mount namespace" in said, said
    assert machine.run("stat -c %U:%a /var/lib/job-service") == "job-service:700"


def a_failed_check_of_the_units_would_be_shown(machine: Machine) -> str:
    problems = machine.run("systemd-analyze verify /etc/systemd/system/job-service-* 2>&1")
    assert not problems, problems
    found = {}
    for unit, limit in MAX_EXPOSURE.items():
        text = machine.run(f"systemd-analyze security --no-pager {unit}.service | tail -1")
        (level,) = re.findall(r": (\d+\.\d+)", text)
        assert float(level) <= limit, text
        found[unit.removeprefix("job-service-")] = level
    return f"exposure {found}"


def a_restart_refuses_no_connection(machine: Machine) -> str:
    with load(machine) as finish:
        for _ in range(RESTARTS):
            machine.run(f"systemctl restart {LISTENER}; sleep 0.5")
        seen = finish()
    return told(seen, f"{RESTARTS} restarts")


def an_update_and_a_rollback_refuse_no_connection(machine: Machine) -> str:
    copied = "Makefile deploy docs requirements* admin loganalysis runner server storage"
    machine.run(f"mkdir -p /srv/next; cd /src; cp -R {copied} /srv/next")
    machine.run("echo '# a later release' >>/srv/next/server/__init__.py")
    machine.install(source="/srv/next")
    first, second = machine.releases()
    assert second in machine.shown(LISTENER, "ExecStart"), "not updated"
    with load(machine) as finish:
        machine.run(f"{first}/activate")
        assert first in machine.shown(WORKER, "ExecStart"), "not rolled back"
        machine.run(f"{second}/activate")
        seen = finish()
    return told(seen, "an update and a rollback")


def a_listener_that_stands_still_is_replaced(machine: Machine) -> None:
    undo = machine.override(f"{LISTENER}.service", "Service", "WatchdogSec=10", "TimeoutAbortSec=1")
    hung = machine.pid(LISTENER)
    machine.run(f"kill -STOP {hung}")
    wait_for(lambda: machine.pid(LISTENER) not in {0, hung}, 60)
    wait_for(lambda: machine.is_active(LISTENER), 60)
    assert machine.client.is_well()
    undo()


def the_jobs_of_a_worker_that_stands_still_run_again(machine: Machine) -> None:
    undo = machine.override(f"{WORKER}.service", "Service", "WatchdogSec=15", "TimeoutAbortSec=1")
    job_id = machine.client.sleep(8)
    machine.client.running(job_id)
    hung = machine.pid(WORKER)
    machine.run(f"kill -STOP {hung}")
    wait_for(lambda: machine.pid(WORKER) not in {0, hung}, 60)
    job = machine.client.final(job_id, timeout=90)
    assert outcomes(job) == ["lost", "returned"], job["attempts"]
    undo()


def a_worker_may_drain_for_longer_than_its_unit_says(machine: Machine) -> None:
    undo = machine.override(f"{WORKER}.service", "Service", "TimeoutStopSec=1")
    job_id = machine.client.sleep(6)
    machine.client.running(job_id)
    machine.run(f"systemctl restart {WORKER}")
    job = machine.client.final(job_id)
    assert outcomes(job) == ["returned"], job["attempts"]
    undo()


def commands_use_the_settings_of_the_services(machine: Machine) -> None:
    line = machine.run("job-service-admin server token create ops --role admin").split()[-1]
    assert line.startswith("ops:admin:sha256:"), line
    machine.write("/etc/job-service/listener.env", f"API_TOKENS={line}")
    machine.run(f"systemctl restart {LISTENER}")
    assert machine.client.call("GET", "/jobs?limit=1")[0] == 401
    machine.run(f": >/etc/job-service/listener.env; systemctl restart {LISTENER}")
    text = machine.run("job-service-admin storage transfer --help")
    assert "--from" in text, text
    machine.run("install -d -o job-service /tmp/backup")
    machine.run("job-service-admin storage backup --to /tmp/backup")
    assert "manifest-" in machine.run("ls /tmp/backup")
    machine.run("job-service-admin storage support-bundle --to - >/var/tmp/bundle.zip")
    names = machine.run("python3 -m zipfile --list /var/tmp/bundle.zip")
    assert "logs/journal.log" in names, names


def after_a_reboot_the_service_runs_again(machine: Machine) -> None:
    job_id = machine.client.sleep(0)
    machine.client.final(job_id)
    machine.reboot()
    assert machine.client.final(job_id)["status"] == "succeeded"
    assert machine.client.final(machine.client.sleep(0))["status"] == "succeeded"


CHECKS = (
    jobs_run_and_are_isolated,
    a_failed_check_of_the_units_would_be_shown,
    a_restart_refuses_no_connection,
    an_update_and_a_rollback_refuse_no_connection,
    a_listener_that_stands_still_is_replaced,
    the_jobs_of_a_worker_that_stands_still_run_again,
    a_worker_may_drain_for_longer_than_its_unit_says,
    commands_use_the_settings_of_the_services,
    after_a_reboot_the_service_runs_again,
)


@contextmanager
def load(machine: Machine) -> Iterator[Callable[[], dict[str, Any]]]:
    """Submit jobs during the block. Yields a function that ends the load and returns the counts."""
    with ThreadPoolExecutor(1) as executor:
        machine.run("rm -f /tmp/accepted")
        output = executor.submit(machine.run, f"python3 {LOAD}", 900)
        wait_for(lambda: accepted(machine) > 20, 60)

        def finish() -> dict[str, Any]:
            seen = accepted(machine)
            wait_for(lambda: accepted(machine) > seen + 20, 60)
            machine.run("touch /tmp/stop")
            return dict(json.loads(output.result()))

        try:
            yield finish
        finally:
            machine.run("touch /tmp/stop")


def accepted(machine: Machine) -> int:
    """How many jobs of the load have been accepted."""
    return int(machine.run("cat /tmp/accepted 2>/dev/null | wc -l"))


def told(seen: dict[str, Any], event: str) -> str:
    """Raise AssertionError unless all was accepted and succeeded once. Returns a line about it."""
    assert seen["failures"] == [], seen["failures"][:5]
    assert seen["unfinished"] == [], seen["unfinished"][:5]
    count, seconds = seen["accepted"], seen["longest_seconds"]
    text = f"{count} submissions during {event}, no connection refused"
    return f"{text}, {seen['unavailable']} answered by 503, the longest took {seconds:.1f} s"
