"""docker-compose.yml, deploy/stack.yml and deploy/compose: what each service is given."""

import json
import os
import re
import shutil
import subprocess
from itertools import combinations
from typing import Any

import pytest
import yaml

from runner.config import RunnerSettings
from server.settings.server import ServerSettings
from storage.settings.settings import Settings
from tests.support.paths import ROOT

FILES = ("docker-compose.yml", "deploy/stack.yml")
FOLDER = ROOT / "deploy" / "compose"
OVERLAYS = sorted(path.name for path in FOLDER.glob("*.yml"))
PROXIES = [name for name in OVERLAYS if name.startswith("proxy")]
ROTATION = {
    "driver": "json-file",
    "options": {"max-size": "${LOG_MAX_SIZE:-20m}", "max-file": "${LOG_MAX_FILE:-5}"},
}
PROGRAMS: dict[str, type[Settings]] = {"listener": ServerSettings, "worker": RunnerSettings}
SECRETS = {
    "postgres": {"postgres-password"},
    "listener": {"database-url", "s3-credentials", "api-tokens", "cookie-secret"},
    "worker": {"database-url", "s3-credentials"},
}
"""The secrets of each service of the stack. Those of the listener can forge an admin's session."""
MOUNTED = "/run/secrets/"


Loader: Any = type("Loader", (yaml.SafeLoader,), {})
Loader.add_constructor("!reset", lambda loader, node: None)  # compose's tag, which removes a value


def services(file: str) -> dict[str, dict[str, Any]]:
    """The services in a file, by name."""
    found: dict[str, dict[str, Any]] = yaml.load((ROOT / file).read_text(), Loader)["services"]
    return found


def read_by(program: type[Settings]) -> set[str]:
    """The environment variables that a program reads. It passes OpenTelemetry's variables on."""
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
    environment = services(file)[service]["environment"]
    given = {name for name, value in environment.items() if value != ""}
    unread = given - read_by(PROGRAMS[service])
    assert {name for name in unread if not name.startswith(("OTEL_", "AWS_SESSION_"))} == set()


@pytest.mark.parametrize("file", FILES)
def test_a_worker_does_not_take_over_the_open_address_of_the_image(file: str) -> None:
    """So the doctor in it does not warn of a service without tokens, which only listeners know."""
    assert services(file)["worker"]["environment"]["HOST"] == ""
    assert services(file)["listener"]["environment"]["HOST"] == "0.0.0.0"


def test_the_commands_of_an_update_start_listeners_that_the_last_one_leaves_alone() -> None:
    """With `--no-deps`, compose gives what depends on PostgreSQL another hash, and replaces it."""
    ups = re.findall(
        r"^docker compose up .*--no-recreate.*", (ROOT / "docs/deploy.md").read_text(), re.M
    )
    assert len(ups) == 1
    assert "--no-deps" not in ups[0]


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
    """An empty JOB_TYPES would override the image's job types; without a value it removes them."""
    environment = services(file)[service]["environment"]
    assert "JOB_TYPES" not in environment
    assert environment["MORE_JOB_TYPES"] == "${JOB_TYPES:-}"


@pytest.mark.parametrize("file", [*FILES, *(f"deploy/compose/{name}" for name in OVERLAYS)])
def test_no_log_fills_a_disk(file: str) -> None:
    for name, service in services(file).items():
        if "image" in service:
            assert service["logging"] == ROTATION, name


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_gives_settings_and_secrets_only_to_programs_that_read_them(name: str) -> None:
    for service, program in PROGRAMS.items():
        given = services(f"deploy/compose/{name}").get(service, {})
        assert set(given.get("environment", ())) <= read_by(program)
        assert set(given.get("secrets", ())) <= SECRETS[service]


@pytest.mark.parametrize("name", PROXIES)
def test_behind_a_proxy_no_listener_is_published_and_only_the_proxy_is_trusted(name: str) -> None:
    found = services(f"deploy/compose/{name}")
    assert found.keys() == {"listener", "proxy"}
    assert found["listener"]["ports"] is None
    address = found["proxy"]["networks"]["front"]["ipv4_address"]
    assert found["listener"]["environment"]["TRUSTED_PROXIES"] == address


@pytest.mark.parametrize("name", PROXIES)
def test_no_proxy_passes_on_a_name_that_a_client_has_chosen(name: str) -> None:
    environment = services(f"deploy/compose/{name}")["listener"]["environment"]
    assert environment["AUTH_PROXY_HEADER"] == environment["AUTH_PROXY_GROUPS_HEADER"] == ""


def test_postgresql_is_configured_alike_everywhere() -> None:
    server = ROOT / "deploy" / "kubernetes" / "postgres-server" / "postgres.yaml"
    stateful_set, *_ = yaml.safe_load_all(server.read_text())
    pod = stateful_set["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    overlay = services("deploy/compose/postgres.yml")["postgres"]
    commands = [overlay["command"], services("deploy/stack.yml")["postgres"]["command"]]
    assert commands == [["postgres", *container["args"]]] * 2
    (shared,) = [each for each in pod["volumes"] if each["name"] == "shm"]
    assert shared["emptyDir"] == {"medium": "Memory", "sizeLimit": "256Mi"}
    assert overlay["shm_size"] == "256m"
    assert {"name": "shm", "mountPath": "/dev/shm"} in container["volumeMounts"]


def test_the_page_lists_all_overlays() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    assert sorted(re.findall(r"^\| `([a-z0-9-]+\.yml)`", page, re.MULTILINE)) == OVERLAYS


def test_compose_can_join_the_overlays() -> None:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"]).returncode
    ):
        pytest.skip("docker compose is not installed")
    others = [name for name in OVERLAYS if name not in PROXIES]
    sets = [[proxy, *others] for proxy in PROXIES] + [
        list(pair) for pair in combinations(others, 2)
    ]
    given = {"DOMAIN": "jobs.example.org", "UPLOADS_URL": "s3://bucket/prefix"}
    for names in sets:
        files = [f"--file={FOLDER / name}" for name in names]
        command = ["docker", "compose", f"--file={ROOT / 'docker-compose.yml'}", *files, "config"]
        answer = subprocess.run(
            [*command, "--format", "json"],
            env={**os.environ, **given},
            capture_output=True,
            text=True,
            timeout=50,
            check=True,
        )
        found = json.loads(answer.stdout)["services"]
        expected = {"listener", "worker"}.union(
            *(services(f"deploy/compose/{name}") for name in names)
        )
        assert found.keys() == expected
        if set(names) & set(PROXIES):
            assert "ports" not in found["listener"]


def test_prometheus_can_read_its_configuration() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    file = FOLDER / "monitoring" / "prometheus.yml"
    command = ["promtool", "check", "config", "--syntax-only", str(file)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert answer.returncode == 0, answer.stdout + answer.stderr
