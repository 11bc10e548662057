"""deploy/alerts.yml in a real Prometheus, which collects from real listeners on PostgreSQL."""

import json
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from storage.db.backups_made import record_failed_backup
from storage.open import new_database
from storage.settings.settings import Settings
from tests.support.paths import ROOT
from tests.support.ports import free_port
from tests.support.programs import Service, running_service
from tests.support.servers import postgres
from tests.support.skipping import skip
from tests.support.waiting import wait_for

SECONDS = 40


@contextmanager
def prometheus(folder: Path, targets: Sequence[str]) -> Iterator[str]:
    """Run Prometheus with our rules, and yield its address. Its clock runs a hundred times as fast:
    what has to last for minutes lasts for a second."""
    program = shutil.which("prometheus")
    if program is None:
        skip("prometheus is not installed")
    rules = re.sub(r"for: \d+m", "for: 1s", (ROOT / "deploy/alerts.yml").read_text())
    rules = rules.replace("oldest_transaction_seconds) > 600", "oldest_transaction_seconds) > 2")
    (folder / "alerts.yml").write_text(rules)
    often = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    job = {"job_name": "jobs", "static_configs": [{"targets": list(targets)}]}
    settings = {"global": often, "rule_files": ["alerts.yml"], "scrape_configs": [job]}
    (folder / "prometheus.yml").write_text(json.dumps(settings))
    address = f"127.0.0.1:{free_port()}"
    options = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder}/data"]
    with (folder / "prometheus.log").open("wb") as log:
        command = [program, *options, f"--web.listen-address={address}"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def query(prometheus: str, expression: str) -> dict[str, float]:
    """The values of an expression, by alert or instance. Empty while Prometheus starts."""
    url = f"{prometheus}/api/v1/query?query={urllib.parse.quote(expression)}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            found = json.load(answer)["data"]["result"]
    except (urllib.error.URLError, OSError):
        return {}
    labels = "alertname" if "ALERTS" in expression else "instance"
    return {each["metric"][labels]: float(each["value"][1]) for each in found}


def fires(prometheus: str, name: str) -> None:
    """Wait until an alert fires."""
    expression = 'ALERTS{alertstate="firing"}'
    wait_for(lambda: name in query(prometheus, expression), timeout=SECONDS)


@pytest.fixture
def server() -> Iterator[postgres.PostgresServer]:
    """A PostgreSQL server for this test alone."""
    if lack := postgres.missing():
        skip(lack)
    with postgres.running_server() as server:
        yield server


@pytest.mark.heavy
@pytest.mark.timeout(180)
def test_each_fault_of_a_program_or_of_postgresql_raises_its_alert(
    server: postgres.PostgresServer, tmp_path: Path
) -> None:
    with (
        server.new_database() as url,
        running_service(url, tmp_path, LEASE_SECONDS="3") as service,
    ):
        stopped, _ = service.worker(), service.worker()
        other = service.program("server")
        port = other.logged("listening")["port"]
        targets = [service.base_url.removeprefix("http://"), f"127.0.0.1:{port}"]
        with prometheus(tmp_path, targets) as address:
            everything_is_well = dict.fromkeys(targets, 1.0)
            up = "min by (instance) ({__name__=~'up|job_service_store_up'})"
            wait_for(lambda: query(address, up) == everything_is_well, timeout=SECONDS)
            firing = 'ALERTS{alertstate="firing"}'  # at first, one may be for a slow start
            wait_for(lambda: not query(address, firing), timeout=SECONDS)

            stopped.process.send_signal(signal.SIGSTOP)
            fires(address, "JobServiceWorkerLost")
            with psycopg.connect(url) as connection:
                connection.execute("SELECT 1")
                fires(address, "JobServiceTransactionLong")
            fail_a_backup(service)
            fires(address, "JobServiceBackupNever")
            other.die()
            fires(address, "JobServiceListenerLost")
            server.stop()
            fires(address, "JobServiceStoreDown")
            listening = query(address, "process_open_fds and on (instance) up == 1")
            assert list(listening) == targets[:1]  # still known without the store
        server.start()


def fail_a_backup(service: Service) -> None:
    """Record a failed backup in the store, as a worker does."""
    database = new_database(Settings.read(service.environ))
    record_failed_backup(database)
    database.close()
