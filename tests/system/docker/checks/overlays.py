"""Checks of a deployment with Caddy, tokens, PostgreSQL, S3 and monitoring at once."""

import json
import re
import urllib.parse
import urllib.request
from typing import Any

from tests.support.paths import ROOT
from tests.support.waiting import wait_for
from tests.system.docker.checks.proxies import an_update_fails_no_request
from tests.system.docker.engine import docker
from tests.system.docker.overlays.everything import PREFIX, Everything

ALERT = "JobServiceNoWorker"
VARIABLES = {"$job": "job-service", "$__rate_interval": "1m", "$__range": "1h"}
"""What Grafana puts into the queries of the dashboard."""


def all_services_start_with_the_documented_secrets(deployment: Everything) -> str:
    deployment.start()
    wait_for(deployment.answers, timeout=60)
    return " ".join(deployment.services())


def callers_need_a_token(deployment: Everything) -> None:
    site = deployment.site
    status, text = site.request("GET", "/jobs", Authorization="Bearer jst_unknown-0123456789")
    assert status == 401, text
    status, text = site.request("GET", "/session")
    session = json.loads(text)
    assert (session["name"], session["role"]) == ("me", "admin"), session


def a_revoked_token_ends_without_a_restart(deployment: Everything) -> None:
    token = deployment.create_token("guest", "read")
    headers = {"Authorization": f"Bearer {token}"}
    wait_for(lambda: deployment.site.request("GET", "/jobs", **headers)[0] == 200, 30)
    deployment.token_command("revoke", "guest")
    wait_for(lambda: deployment.site.request("GET", "/jobs", **headers)[0] == 401, 30)


def jobs_are_in_postgresql_and_uploads_in_the_bucket(deployment: Everything) -> str:
    log = deployment.folder / "app.log"
    log.write_bytes(b"ERROR one\nWARN two\n" * 200_000)
    job = deployment.site.client.final(deployment.site.analyze(log))
    assert (job["status"], job["result"]["counts"]) == ("succeeded", {"ERROR": 200_000}), job
    (name,) = deployment.objects()
    assert name.startswith(f"{PREFIX}/")
    (postgres,) = deployment.containers("postgres")
    query = ("psql", "--host=127.0.0.1", "--username=jobs", "--tuples-only", "--no-align")
    count = docker(
        "exec",
        "-e",
        f"PGPASSWORD={deployment.secret('postgres-password')}",
        postgres,
        *query,
        "-c",
        "SELECT count(*) FROM job",
        "jobs",
    )
    assert int(count) >= 1
    return f"{job['upload']['size'] / 1e6:.0f} MB"


def no_secret_is_in_an_environment(deployment: Everything) -> None:
    for service in ("listener", "worker", "postgres", "prometheus"):
        environ = docker(
            "inspect", "--format", "{{json .Config.Env}}", deployment.containers(service)[0]
        )
        for name in ("postgres-password", "cookie-secret", "metrics-token", "s3-credentials"):
            assert deployment.secret(name) not in environ, (service, name)


def prometheus_collects_from_each_listener(deployment: Everything) -> str:
    wait_for(lambda: _value(deployment, "count(job_service_listener_info)") == 3, timeout=60)
    assert _value(deployment, 'min(up{job="job-service"})') == 1
    assert _value(deployment, "max(job_service_runners)") == 1
    return "3 listeners"


def the_dashboard_is_where_grafana_looks_and_all_its_queries_have_answers(
    deployment: Everything,
) -> str:
    """Grafana itself cannot be had here."""
    dashboard = json.loads((ROOT / "docs/grafana.json").read_text())
    targets = [each["expr"] for panel in dashboard["panels"] for each in panel.get("targets", ())]
    wait_for(
        lambda: _value(deployment, 'max(job_service_jobs_submitted_total{job="job-service"})'), 30
    )
    found = {query: len(_query(deployment, query)) for query in map(_filled_in, targets)}
    empty = [query for query, count in found.items() if not count]
    assert len(found) - len(empty) >= 20, empty
    mounts = deployment.mounts("grafana")
    assert mounts["/etc/dashboards/job-service.json"] == str(ROOT / "docs/grafana.json")
    assert mounts["/etc/grafana/provisioning"] == str(ROOT / "deploy/compose/monitoring/grafana")
    return f"{len(found)} queries, {len(empty)} without figures yet"


def an_alert_fires_and_ends(deployment: Everything) -> str:
    deployment("stop", "worker")
    wait_for(lambda: ALERT in _alerts(deployment), timeout=60)
    summary = _alerts(deployment)[ALERT]["annotations"]["summary"]
    deployment("start", "worker")
    wait_for(lambda: ALERT not in _alerts(deployment), timeout=60)
    return str(summary)


def logs_are_rotated(deployment: Everything) -> None:
    for service in deployment.services():
        if service in ("s3", "grafana"):
            continue
        container = deployment.containers(service)[0]
        config = json.loads(
            docker("inspect", "--format", "{{json .HostConfig.LogConfig}}", container)
        )
        assert config["Config"] == {"max-size": "20m", "max-file": "5"}, (service, config)


def the_deployment_with_all_overlays_is_removed(deployment: Everything) -> None:
    deployment.remove()


def _filled_in(query: str) -> str:
    return re.sub(r"\$\w+", lambda match: VARIABLES[match[0]], query)


def _get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as response:
        return json.load(response)


def _query(deployment: Everything, query: str) -> list[dict[str, Any]]:
    path = f"/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    found: list[dict[str, Any]] = _get(deployment.prometheus_port, path)["data"]["result"]
    return found


def _value(deployment: Everything, query: str) -> float | None:
    found = _query(deployment, query)
    return float(found[0]["value"][1]) if found else None


def _alerts(deployment: Everything) -> dict[str, Any]:
    """The alerts that Alertmanager shows, by name."""
    found = _get(deployment.alertmanager_port, "/api/v2/alerts?active=true")
    return {alert["labels"]["alertname"]: alert for alert in found}


CHECKS = (
    callers_need_a_token,
    a_revoked_token_ends_without_a_restart,
    jobs_are_in_postgresql_and_uploads_in_the_bucket,
    no_secret_is_in_an_environment,
    prometheus_collects_from_each_listener,
    the_dashboard_is_where_grafana_looks_and_all_its_queries_have_answers,
    an_alert_fires_and_ends,
    logs_are_rotated,
    an_update_fails_no_request,
)
