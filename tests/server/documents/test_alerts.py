"""deploy/alerts.yml: Prometheus accepts the rules, and each fires in its case and in no other."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from storage.db.backups_made import record_backup
from tests.support.api import Client
from tests.support.metrics import samples
from tests.support.paths import ROOT
from tests.support.stores import Bench

RULES = ROOT / "deploy" / "alerts.yml"
MINUTES = 180
Series = dict[str, str]

REQUESTS = 'http_requests_total{route="/jobs", method='
SECONDS = "http_request_seconds_bucket{le="
OURS: Series = {
    'job_service_listener_info{listener="a-1"}': "1x180",
    "up{}": "1x180",
    "job_service_store_up{}": "1x180",
    "job_service_runners_lost_total{}": "4x180",
    "job_service_oldest_transaction_seconds{}": "30x180",
    "job_service_runners{}": "2x180",
    "job_service_runners_stale{}": "0x180",
    'job_service_oldest_due_seconds{type="t"}': "5x180",
    'job_service_jobs_queued{type="t"}': "10x180",
    'job_service_jobs_finished_total{type="t", status="succeeded"}': "0+99x180",
    'job_service_jobs_finished_total{type="t", status="failed"}': "0+1x180",
    'job_service_rescues_total{type="t"}': "3x180",
    f'job_service_{REQUESTS}"POST", status="202"}}': "0+999x180",
    f'job_service_{REQUESTS}"POST", status="503"}}': "5x180",
    f'job_service_{REQUESTS}"GET", status="500"}}': "0+1x180",
    f'job_service_{SECONDS}"0.5"}}': "0+999x180",
    f'job_service_{SECONDS}"2.5"}}': "0+1000x180",
    f'job_service_{SECONDS}"+Inf"}}': "0+1000x180",
    'job_service_disk_free_bytes{disk="database"}': "50000000000-1000000x180",
    'job_service_callbacks_total{outcome="given_up"}': "2x180",
    "job_service_schedule_late_seconds{}": "0x180",
    "job_service_backup_age_seconds{}": "3600+60x180",
    'job_service_backups_total{outcome="failed"}': "1x180",
    'job_service_backups_total{outcome="succeeded"}': "9x180",
    "process_start_time_seconds{}": "1000x180",
    "process_open_fds{}": "100x180",
    "process_max_fds{}": "65536x180",
}
"""Figures of a healthy service, at one listener."""
OTHERS: Series = {
    'process_start_time_seconds{job="another", instance="b"}': "0+60x180",
    'up{job="another", instance="b"}': "0x180",
    'up{job="j", instance="b"}': "1x180",
    'process_open_fds{job="another", instance="b"}': "9x180",
    'process_max_fds{job="another", instance="b"}': "10x180",
}
"""Figures of another program, whose problems are not ours."""
HEALTHY = {name.replace("{", '{job="j", instance="a", '): each for name, each in OURS.items()}
HEALTHY |= OTHERS

BACKUPS = 'backups_total{job="j", instance="a", outcome='
FIRING: dict[str, Series] = {
    "JobServiceDown": {"job_service_listener_info": "_x180"},
    "JobServiceListenerLost": {'up{job="j", instance="b"': "1x170 0x10"},
    "JobServiceStoreDown": {"job_service_store_up": "1x170 0x10"},
    "JobServiceNoWorker": {"job_service_runners{": "0x180"},
    "JobServiceWorkerStale": {"job_service_runners_stale": "1x180"},
    "JobServiceWorkerLost": {"job_service_runners_lost_total": "4x170 5x10"},
    "JobServiceJobsWaitLong": {"job_service_oldest_due_seconds": "600+1x180"},
    "JobServiceQueueGrows": {"job_service_jobs_queued": "900+10x180"},
    "JobServiceJobsFail": {'status="failed"': "0+20x180"},
    "JobServiceAttemptsLost": {"job_service_rescues_total": "0+1x180"},
    "JobServiceListenerRestarts": {'process_start_time_seconds{job="j"': "0+60x180"},
    "JobServiceErrors": {'status="500"': "0+50x180"},
    "JobServiceRefusesJobs": {'status="503"': "0+2x180"},
    "JobServiceSlow": {'le="0.5"': "0+900x180"},
    "JobServiceDiskNearlyFull": {"job_service_disk_free_bytes": "18000000000-50000000x180"},
    "JobServiceCallbacksFail": {"job_service_callbacks_total": "0+1x180"},
    "JobServiceSchedulesLate": {"job_service_schedule_late_seconds": "50+5x180"},
    "JobServiceBackupOld": {"job_service_backup_age_seconds": "172000+60x180"},
    "JobServiceBackupNever": {BACKUPS + '"succeeded"': "0x180"},
    "JobServiceBackupFails": {BACKUPS + '"failed"': "0+1x180"},
    "JobServiceTransactionLong": {"oldest_transaction": "0+60x180"},
    "JobServiceFilesExhausted": {'process_open_fds{job="j"': "60000x180"},
}
"""By alert: what replaces the figures whose name contains a text."""


@pytest.fixture
def promtool() -> str:
    """The path of promtool, of Debian's package prometheus."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed")
    return found


def run(promtool: str, *arguments: str) -> None:
    """Run promtool, which must succeed."""
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def alerts() -> list[str]:
    """The names of all alerts."""
    return re.findall(r"alert: (\w+)", RULES.read_text())


def trial(series: Series, expected: list[str]) -> dict[str, object]:
    """A test of promtool: after three hours of these figures, these alerts fire."""
    given = [{"series": name, "values": values} for name, values in series.items()]
    firing = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in expected]
    question = {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{MINUTES}m",
        "exp_samples": firing,
    }
    return {"interval": "1m", "input_series": given, "promql_expr_test": [question]}


def replaced(changes: Series) -> Series:
    """The figures of a healthy service with some of them replaced."""
    found = dict(HEALTHY)
    for text, values in changes.items():
        names = [name for name in HEALTHY if text in name]
        assert names, text
        found.update(dict.fromkeys(names, values))
    return found


@pytest.mark.heavy
@pytest.mark.timeout(180)
def test_each_alert_fires_in_its_case_only(promtool: str, tmp_path: Path) -> None:
    run(promtool, "check", "rules", str(RULES))
    trials = [trial(replaced(changes), [name]) for name, changes in FIRING.items()]
    tests = {"rule_files": [str(RULES)], "tests": [trial(HEALTHY, []), *trials]}
    file = tmp_path / "tests.yml"
    file.write_text(json.dumps(tests))
    run(promtool, "test", "rules", str(file))


def test_each_alert_has_a_case_and_a_line_in_the_documentation() -> None:
    documented = re.findall(
        r"^\| `(JobService\w+)` ", (ROOT / "docs/monitoring.md").read_text(), re.M
    )
    assert alerts() == documented == list(FIRING)
    assert len(alerts()) > 9


@pytest.mark.gen_test
@pytest.mark.sqlite
async def test_the_alerts_use_existing_metrics(client: Client, bench: Bench) -> None:
    record_backup(bench.store.database, bench.clock())
    await client.fetch("/jobs")
    used = set(re.findall(r"\b(?:job_service|process)_\w+", RULES.read_text()))
    known = {name for name, *_ in await samples(client)}
    known |= {f"job_service_{name}" for name in known}
    known.add("job_service_oldest_transaction_seconds")  # only on PostgreSQL
    assert len(used) > 9
    assert used - known == set()
