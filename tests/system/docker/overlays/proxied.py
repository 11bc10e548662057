"""Deployments behind each of the three proxies."""

import http.client
import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.ports import free_port
from tests.system.docker.compose import Compose
from tests.system.docker.engine import PATIENCE_SECONDS, docker
from tests.system.docker.overlays.page import commands
from tests.system.docker.overlays.site import DOMAIN, Site

FOLDER = "deploy/compose"
PROGRAMS = ("caddy", "nginx", "traefik", "prometheus", "alertmanager")
"""The programs with stand-ins for their images: the targets of files/overlays.dockerfile."""
IMAGES = {f"{name.upper()}_IMAGE": f"job-service-{name}" for name in PROGRAMS}
LISTENERS = 3
FRONT = "10.213.77"
ROOT_OF_CADDY = "/data/caddy/pki/authorities/local/root.crt"
MAKE_CERTIFICATE = f"""
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={DOMAIN} \
    -addext subjectAltName=DNS:{DOMAIN} \
    -keyout /out/privkey.pem -out /out/fullchain.pem 2>/dev/null && chmod 644 /out/*.pem
"""


class Proxied(Compose):
    """A project of several listeners behind a proxy. Its folder has the secrets and certificates.

    `overlays` are names of files in deploy/compose, and `files` override these. `token` is sent
    with every request, unless it is empty.
    """

    def __init__(self, project: str, *overlays: str, files: tuple[str, ...] = (), **environ: str):
        self._folder = tempfile.TemporaryDirectory()
        self.port, self.plain_port = free_port(), free_port()
        self.token = ""
        given = {
            "DOMAIN": DOMAIN,
            "LISTENERS": str(LISTENERS),
            "HTTPS_PORT": f"127.0.0.1:{self.port}",
            "HTTP_PORT": f"127.0.0.1:{self.plain_port}",
            "FRONT": FRONT,
            "SECRETS": str(self.folder),
            "CERTIFICATES": str(self.folder),
            **IMAGES,
            **environ,
        }
        super().__init__(project, (*(f"{FOLDER}/{name}.yml" for name in overlays), *files), **given)

    @property
    def folder(self) -> Path:
        """The folder of this project's files."""
        return Path(self._folder.name)

    def start(self) -> None:
        """Start all services, with several listeners."""
        self.up()

    @cached_property
    def site(self) -> Site:
        """The service as clients reach it."""
        return Site(self.port, self.authority(), self.token)

    def answers(self) -> bool:
        """Whether the service answers through the proxy."""
        try:
            return self.site.request("GET", "/healthz")[0] == 200
        except (OSError, http.client.HTTPException, subprocess.CalledProcessError):
            return False  # the proxy has no certificate, or no listener

    def authority(self) -> Path:
        """The certificate that signs the proxy's. Here: of Caddy itself."""
        return self.copied_from("proxy", ROOT_OF_CADDY)

    def copied_from(self, service: str, path: str) -> Path:
        """A copy of a file in a container."""
        (container,) = self.containers(service)
        copy = self.folder / Path(path).name
        copy.write_text(docker("exec", container, "cat", path))
        return copy

    def update_to(self, image: str) -> None:
        """Update listeners and worker with the commands of the page."""
        script = commands("### Updates without a pause").replace("job-service:2", image)
        files = ":".join(file.removeprefix("--file=") for file in self._files)
        environ = {"COMPOSE_FILE": files, "COMPOSE_PROJECT_NAME": self._project, **self._environ}
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=ROOT,
            env={**os.environ, **environ},
            capture_output=True,
            timeout=2 * PATIENCE_SECONDS,
            check=True,
            text=True,
        )

    def networks(self, service: str) -> set[str]:
        """The networks of a service's first container, without the name of the project."""
        found = docker(
            "inspect",
            "--format",
            "{{json .NetworkSettings.Networks}}",
            *self.containers(service)[:1],
        )
        return {name.rpartition("_")[2] for name in json.loads(found)}

    def remove(self, *options: str) -> None:
        """Remove the deployment, its data and its files."""
        super().remove(*options)
        self._folder.cleanup()


class BehindNginx(Proxied):
    """With a certificate of our own."""

    def start(self) -> None:
        """Make the certificate once, and start all services."""
        if not self.authority().exists():
            mount = f"{self.folder}:/out"
            docker("run", "--rm", "-v", mount, "python:3.13-slim", "sh", "-c", MAKE_CERTIFICATE)
        super().start()

    def authority(self) -> Path:
        """The certificate itself."""
        return self.folder / "fullchain.pem"


class BehindTraefik(Proxied):
    """Traefik has a certificate that it fetches by ACME."""

    def authority(self) -> Path:
        """The root of the authority in the same network."""
        return self.copied_from("authority", ROOT_OF_CADDY)


def behind_caddy(project: str) -> Proxied:
    """Caddy, which makes its certificate itself for this name."""
    return Proxied(project, "proxy", CADDY_OPTIONS="local_certs")


def behind_nginx(project: str) -> Proxied:
    """nginx."""
    return BehindNginx(project, "proxy-nginx")


def behind_traefik(project: str) -> Proxied:
    """Traefik, which reads from the socket of this engine."""
    files = ("tests/system/docker/files/acme.yml",)
    server = "https://authority.home.arpa/acme/local/directory"
    return BehindTraefik(
        project, "proxy-traefik", files=files, ACME_SERVER=server, COMPOSE_PROJECT_NAME=project
    )


PROXIES: dict[str, Callable[[str], Proxied]] = {
    "caddy": behind_caddy,
    "nginx": behind_nginx,
    "traefik": behind_traefik,
}
