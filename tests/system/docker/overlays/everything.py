"""The deployment with all overlays at once, and the secrets of docs/deploy.md."""

import json
import os
import re
import subprocess
from typing import Any

from tests.support.paths import ROOT
from tests.support.ports import free_port
from tests.support.waiting import wait_for
from tests.system.docker.engine import docker
from tests.system.docker.overlays.page import commands
from tests.system.docker.overlays.proxied import Proxied
from tests.system.docker.scaled import BUCKET, LIST, MAKE_BUCKET, PREFIX

__all__ = ["PREFIX", "Everything"]

MONITORING = ROOT / "deploy" / "compose" / "monitoring"
QUICK = {"15s": "1s", "10s": "1s", "for: 2m": "for: 2s", "for: 10m": "for: 1h"}
"""Intervals of Prometheus, of Alertmanager and of rules, and those for a short check."""


class Everything(Proxied):
    """Caddy, tokens, PostgreSQL, S3 and monitoring. The admin `me` has `token`."""

    def __init__(self, project: str):
        self.prometheus_port, self.alertmanager_port = free_port(), free_port()
        super().__init__(
            project,
            *("proxy", "tokens", "postgres", "s3", "monitoring"),
            files=("tests/system/docker/files/s3.yml",),
            CADDY_OPTIONS="local_certs",
            POSTGRES_IMAGE="job-service-backing",
            GRAFANA_IMAGE="job-service-prometheus",  # compose wants one, if unused
            UPLOADS_URL=f"s3://{BUCKET}/{PREFIX}",
            AWS_ENDPOINT_URL="http://s3:9000",
            PROMETHEUS_PORT=f"127.0.0.1:{self.prometheus_port}",
            ALERTMANAGER_PORT=f"127.0.0.1:{self.alertmanager_port}",
        )
        self._environ |= {
            "SECRETS": str(self.folder / "secrets"),
            "METRICS_TOKEN_FILE": str(self.folder / "secrets/metrics-token"),
            "PROMETHEUS_FILE": self._quickly("prometheus.yml", MONITORING / "prometheus.yml"),
            "ALERTMANAGER_FILE": self._quickly("alertmanager.yml", MONITORING / "alertmanager.yml"),
            "ALERTS_FILE": self._quickly("alerts.yml", ROOT / "deploy" / "alerts.yml"),
        }

    def start(self) -> None:
        """Make the secrets and the bucket, and start all services but Grafana."""
        output = self.run(commands("## Secrets") + commands("## Tokens"))
        found = re.search("jst_.*", output)
        assert found, output
        self.token = found[0]
        self("up", "--detach", "--wait", "s3")
        wait_for(self._make_bucket, 30)
        self.up()

    def run(self, script: str) -> str:
        """Run commands of the page in the folder of this project. Returns their stdout."""
        environ = {**os.environ, "S3_KEY": "checks", "S3_SECRET": "a-secret-of-the-checks"}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    def token_command(self, *arguments: str) -> str:
        """Run the documented function `token`."""
        function = commands("## Tokens").split("\n}\n")[0]
        return self.run(f"{function}\n}}\ntoken {' '.join(arguments)}")

    def create_token(self, name: str, role: str) -> str:
        """Create a token. Returns it."""
        (token,) = re.findall("jst_.*", self.token_command("create", name, "--role", role, "--add"))
        return str(token)

    def secret(self, name: str) -> str:
        """The text of a secret; of the credentials, only the secret key."""
        text = (self.folder / "secrets" / name).read_text()
        return text.rpartition("= ")[2].strip()

    def services(self) -> list[str]:
        """The names of all services."""
        return sorted(self("config", "--services").split())

    def mounts(self, service: str) -> dict[str, str]:
        """The paths on this machine that are mounted into a service, by their paths there."""
        found: dict[str, Any] = json.loads(self("config", "--format", "json"))["services"]
        volumes = found[service]["volumes"]
        return {each["target"]: each["source"] for each in volumes if each["type"] == "bind"}

    def objects(self) -> list[str]:
        """The names of all objects in the bucket, but for the one that names its store."""
        return docker("exec", *self.containers("s3"), "python", "-c", LIST).split()

    def _make_bucket(self) -> bool:
        try:
            docker("exec", *self.containers("s3"), "python", "-c", MAKE_BUCKET)
        except subprocess.CalledProcessError:  # it is still starting
            return False
        return True

    def _quickly(self, name: str, original: Any) -> str:
        """A copy of a file with short intervals."""
        text = original.read_text()
        for interval, short in QUICK.items():
            text = text.replace(interval, short)
        copy = self.folder / name
        copy.write_text(text)
        return str(copy)
