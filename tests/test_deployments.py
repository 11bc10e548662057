"""docker-compose.yml and deploy/stack.yml: what each service is given."""

import re
from typing import Any

import pytest
import yaml

from runner.config import RunnerSettings
from server.settings.server import ServerSettings
from storage.settings.settings import Settings
from tests.support.paths import ROOT

FILES = ("docker-compose.yml", "deploy/stack.yml")
PROGRAMS: dict[str, type[Settings]] = {"listener": ServerSettings, "worker": RunnerSettings}
SECRETS = {
    "postgres": {"postgres-password"},
    "listener": {"database-url", "s3-credentials", "api-tokens", "cookie-secret"},
    "worker": {"database-url", "s3-credentials"},
}
"""The secrets of each service of the stack. Those of the listener can forge an admin's session."""
MOUNTED = "/run/secrets/"


def services(file: str) -> dict[str, dict[str, Any]]:
    """The services in a file, by name."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / file).read_text())["services"]
    return found


def read_by(program: type[Settings]) -> set[str]:
    """The environment variables that a program reads. It passes those of OpenTelemetry on."""
    names = {name.upper() for name in program.model_fields}
    return names | {f"{name}_FILE" for name in program.secrets()}


def test_each_service_of_the_stack_is_given_only_its_own_secrets() -> None:
    found = services("deploy/stack.yml")
    assert {name: set(service.get("secrets", ())) for name, service in found.items()} == SECRETS


def test_each_service_of_the_stack_reads_all_secrets_that_it_is_given() -> None:
    for name, service in services("deploy/stack.yml").items():
        values = [str(value) for value in service["environment"].values()]
        read = {text.removeprefix(MOUNTED) for text in values if text.startswith(MOUNTED)}
        assert read == SECRETS[name], name


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("service", PROGRAMS)
def test_a_service_is_given_only_settings_that_its_program_reads(file: str, service: str) -> None:
    """So a worker, which runs code of others, never gets a secret of the listener."""
    given = set(services(file)[service]["environment"])
    unread = given - read_by(PROGRAMS[service])
    assert {name for name in unread if not name.startswith("OTEL_")} == set()


@pytest.mark.parametrize("file", FILES)
def test_no_secret_is_written_into_a_file(file: str) -> None:
    secrets = {*ServerSettings.secrets(), *RunnerSettings.secrets(), "API_TOKENS"}
    for service in services(file).values():
        for name in secrets & service["environment"].keys():
            value = service["environment"][name]
            assert re.fullmatch(rf"\$\{{{name}:?-?\}}", value or f"${{{name}}}"), name


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("service", PROGRAMS)
def test_an_update_and_a_rollback_only_name_another_image(file: str, service: str) -> None:
    assert services(file)[service]["image"] == "${IMAGE:-job-service:latest}"


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("service", PROGRAMS)
def test_the_job_types_of_an_image_stay_in_force(file: str, service: str) -> None:
    """An empty JOB_TYPES would override those of the image, and one without a value remove them."""
    environment = services(file)[service]["environment"]
    assert "JOB_TYPES" not in environment
    assert environment["MORE_JOB_TYPES"] == "${JOB_TYPES:-}"
