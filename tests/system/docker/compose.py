"""The deployment by `docker compose up`."""

from tests.system.docker.client import Client
from tests.system.docker.engine import PATIENCE_SECONDS, containers, docker

DRAIN_SECONDS = 3


class Compose:
    """A project of docker compose with a short drain.

    `files` override the compose file. `environ` is the environment of the commands, from which the
    compose file takes the settings.
    """

    def __init__(self, project: str, files: tuple[str, ...] = (), **environ: str):
        self._project = project
        self._files = [f"--file={file}" for file in ("docker-compose.yml", *files)]
        self._environ = {"DRAIN_SECONDS": str(DRAIN_SECONDS), **environ}

    def __call__(self, *arguments: str) -> str:
        """Run `docker compose …`."""
        command = ("compose", "--project-name", self._project, *self._files, *arguments)
        return docker(*command, timeout=PATIENCE_SECONDS, **self._environ)

    def up(self, *options: str) -> None:
        """Start the containers that do not run, and wait until all are healthy."""
        self("up", "--detach", "--wait", "--wait-timeout", "90", *options)

    def containers(self, service: str, everything: bool = False) -> list[str]:
        """The ids of a service's running containers. `everything`: also of ended ones."""
        project = f"com.docker.compose.project={self._project}"
        return containers(project, f"com.docker.compose.service={service}", everything=everything)

    def ports(self) -> list[int]:
        """The ports that the listeners publish on this machine."""
        found = [docker("port", each, "5000/tcp") for each in self.containers("listener")]
        return sorted(int(lines.splitlines()[0].rpartition(":")[2]) for lines in found)

    def listeners(self) -> list[Client]:
        """A client of each listener."""
        return [Client(f"http://127.0.0.1:{port}") for port in self.ports()]

    def remove(self, *options: str) -> None:
        """Remove the deployment and its data."""
        self("down", "--volumes", "--timeout", "5", *options)
