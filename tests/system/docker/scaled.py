"""The deployment for many machines, `deploy/stack.yml`, on one machine, with its backing
services."""

import secrets
import subprocess
import tempfile
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from tests.support.waiting import wait_for
from tests.system.docker.engine import containers, docker
from tests.system.docker.stack import Stack

FILE = "deploy/stack.yml"
IMAGE = "job-service-backing"
BUCKET, PREFIX = "files", "jobs"
PORT = 9000
START_SECONDS = 120.0
MAKE_BUCKET = f"""
import urllib.request
request = urllib.request.Request('http://127.0.0.1:{PORT}/{BUCKET}', method='PUT')
urllib.request.urlopen(request, timeout=20)
"""
LIST = f"""
import re, urllib.request
with urllib.request.urlopen('http://127.0.0.1:{PORT}/{BUCKET}?list-type=2', timeout=20) as answer:
    found = re.findall('<Key>(.*?)</Key>', answer.read().decode())
    print(*[name for name in found if not name.endswith('/store.json')])
"""


class Scaled(Stack):
    """The stack, and an S3 server in its network."""

    def __init__(self, name: str):
        super().__init__(name)
        self.token = secrets.token_urlsafe(24)

    def deploy(self) -> str:
        """Create the secrets, and deploy the stack and the S3 server. Returns the output of `docker
        stack deploy`."""
        for name, text in self._secrets().items():
            self._make_secret(name, text)
        output = self._deploy()
        network = f"--network={self.name}_jobs"
        service = ("service", "create", "--detach", "--quiet", f"--name={self.name}_s3", network)
        options = ("--endpoint-mode=dnsrr", "--constraint=node.role==manager")
        server = ("moto_server", "--host", "0.0.0.0", "--port", str(PORT))
        docker(*service, *options, IMAGE, *server)
        self.wait_for_replicas("s3", 1)
        wait_for(self._make_bucket, START_SECONDS)
        return output

    def change_to(self, image: str) -> None:
        """Update all programs to another image, or roll them back, and wait until it is done."""
        self._deploy(IMAGE=image)
        for service, count in (("listener", 2), ("worker", 2)):
            wait_for(partial(self._has_only, service, image), START_SECONDS)
            self.wait_for_replicas(service, count)

    def remove(self) -> None:
        """Remove the stack, the S3 server and the secrets."""
        docker("service", "rm", f"{self.name}_s3")
        super().remove()
        for name in self._secrets():
            docker("secret", "rm", f"{self.name}-{name}")

    @property
    def helper(self) -> str:
        """A container in the stack's network that no update replaces: the S3 server."""
        (found,) = self.containers("s3")
        return found

    def objects(self) -> list[str]:
        """The names of all objects in the bucket, but for the one that names its store."""
        return docker("exec", self.helper, "python", "-c", LIST).split()

    @property
    def settings(self) -> dict[str, Any]:
        """The environment variables that the stack file reads."""
        return {
            "SECRETS": f"{self.name}-",
            "POSTGRES_IMAGE": IMAGE,
            "UPLOADS_URL": f"s3://{BUCKET}/{PREFIX}",
            "AWS_ENDPOINT_URL": f"http://{self.name}_s3:{PORT}",
            "PORT": "5002",
            "DRAIN_SECONDS": "20",
            "STOP_GRACE_PERIOD": "30s",
        }

    def config(self) -> tuple[str, str]:
        """The stack file as parsed by `docker compose`, and by `docker stack`."""
        settings = self.settings
        return (
            docker("compose", "-f", FILE, "config", **settings),
            docker("stack", "config", "-c", FILE, **settings),
        )

    def _deploy(self, **environ: Any) -> str:
        command = ("stack", "deploy", "--detach=true", "--resolve-image=never", "-c", FILE)
        return docker(*command, self.name, **self.settings, **environ)

    def _has_only(self, service: str, image: str) -> bool:
        """Whether all running containers of a service have this image."""
        label = f"--filter=label=com.docker.swarm.service.name={self.name}_{service}"
        return set(docker("ps", label, "--format", "{{.Image}}").split()) == {image}

    def _secrets(self) -> dict[str, str]:
        password = self._password
        credentials = "[default]\naws_access_key_id = checks\naws_secret_access_key = checks\n"
        return {
            "postgres-password": password,
            "database-url": f"postgresql://jobs:{password}@{self.name}_postgres/jobs",
            "api-tokens": f"checks:admin:{self.token}",
            "cookie-secret": secrets.token_urlsafe(24),
            "s3-credentials": credentials,
        }

    @cached_property
    def _password(self) -> str:
        return secrets.token_urlsafe(24)

    def _make_secret(self, name: str, text: str) -> None:
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_text(text)
            docker("secret", "create", f"{self.name}-{name}", file.name)

    def _make_bucket(self) -> bool:
        found = containers(f"com.docker.swarm.service.name={self.name}_s3")
        try:
            docker("exec", found[0], "python", "-c", MAKE_BUCKET)
        except subprocess.CalledProcessError:  # it is still starting
            return False
        return True
