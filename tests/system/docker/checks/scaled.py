"""Checks of the deployment for many machines. Each one leaves all replicas running."""

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

from tests.support.paths import TESTS
from tests.support.waiting import wait_for
from tests.system.docker import rolling, uploading
from tests.system.docker.checks import updates
from tests.system.docker.engine import docker, python
from tests.system.docker.rights import assert_few_rights
from tests.system.docker.scaled import IMAGE, PREFIX, Scaled

ROLLING_SECONDS = 180
ASK = """
import json, sys, urllib.error, urllib.request
listener, token, path = sys.argv[1:]
headers = {'Authorization': f'Bearer {token}'} if token else {}
request = urllib.request.Request(f'http://{listener}:5000{path}', headers=headers)
try:
    with urllib.request.urlopen(request, timeout=20) as answer:
        print(json.dumps([answer.status, json.load(answer)]))
except urllib.error.HTTPError as error:
    print(json.dumps([error.code, json.load(error)]))
"""
LIST_DATA = "import json, os; print(json.dumps(sorted(os.listdir('/data'))))"
LIST_SECRETS = "import json, os; print(json.dumps(sorted(os.listdir('/run/secrets'))))"


def the_image_of_the_backing_services_is_built() -> None:
    file = str(TESTS / "system/docker/files/backing.dockerfile")
    docker("build", "--quiet", "--tag", IMAGE, "--file", file, str(TESTS), timeout=600)


def compose_and_stack_can_read_its_file(scaled: Scaled) -> None:
    for text in scaled.config():
        assert "POSTGRES_PASSWORD_FILE: /run/secrets/postgres-password" in text
        assert "order: start-first" in text


def the_scaled_stack_starts(scaled: Scaled) -> str:
    output = scaled.deploy()
    for service, count in (("postgres", 1), ("listener", 2), ("worker", 2)):
        scaled.wait_for_replicas(service, count)
    return output.replace("\n", " ")


def its_containers_have_few_rights_and_no_secret_in_their_environment(scaled: Scaled) -> None:
    for service in ("listener", "worker"):
        container = scaled.containers(service)[0]
        assert_few_rights(container, no_new_privileges=False)
        environ = docker("inspect", "--format", "{{json .Config.Env}}", container)
        assert scaled.token not in environ
        assert "postgresql://" not in environ


def each_container_has_only_its_own_secrets(scaled: Scaled) -> None:
    shared, own = {"database-url", "s3-credentials"}, {"api-tokens", "cookie-secret"}
    for service, expected in (("listener", shared | own), ("worker", shared)):
        for container in scaled.containers(service):
            assert set(json.loads(python(container, LIST_SECRETS))) == expected, service


def each_listener_requires_a_token(scaled: Scaled) -> None:
    for address in addresses(scaled):
        assert ask(scaled, address, "", "/jobs")[0] == 401
        status, overview = ask(scaled, address, scaled.token, "/overview")
        assert (status, len(overview["runners"]), overview["slots"]) == (200, 2, 6), overview


def an_upload_goes_to_the_bucket_and_is_analyzed(scaled: Scaled) -> str:
    one, two = addresses(scaled)
    job = json.loads(run(scaled, uploading.__file__, one))
    assert job["status"] == "succeeded", job
    third = uploading.LINES // 3
    assert job["result"]["counts"] == {"ERROR": 2 * third, "WARN": third}
    assert ask(scaled, two, scaled.token, f"/jobs/{job['job_id']}")[1]["upload"] == job["upload"]
    (name,) = scaled.objects()
    assert name.startswith(f"{PREFIX}/")
    for service in ("listener", "worker"):
        assert "uploads" not in python(scaled.containers(service)[0], LIST_DATA)
    return f"{job['upload']['size'] / 1e6:.0f} MB"


def updates_and_a_rollback_under_load_lose_no_job_and_no_request(scaled: Scaled) -> str:
    found: list[str] = []
    seconds = str(ROLLING_SECONDS)
    load = threading.Thread(target=lambda: found.append(run(scaled, rolling.__file__, seconds)))
    load.start()
    for image in updates.ROUNDS:
        scaled.change_to(image)
        for address in addresses(scaled):
            assert ask(scaled, address, scaled.token, "/readyz")[0] == 200
    assert load.is_alive(), "the updates took longer than the load"
    load.join()
    seen = json.loads(found[0])
    assert seen["never"] == seen["refused"] == []
    assert len(seen["ids"]) == len(set(seen["ids"])) > 100
    address = addresses(scaled)[0]
    wait_for(lambda: _unfinished(scaled, address) == 0, timeout=60)
    jobs = _jobs(scaled, address, seen["ids"])
    assert [job["status"] for job in jobs] == ["succeeded"] * len(seen["ids"])
    ends = [[each["outcome"] for each in job["attempts"]] for job in jobs]
    assert all(end[-1] == "returned" and set(end[:-1]) <= {"released"} for end in ends), ends
    return f"{len(jobs)} jobs, {seen['again']} requests were sent again"


def a_removed_stack_leaves_nothing(scaled: Scaled) -> None:
    scaled.remove()


def addresses(scaled: Scaled) -> list[str]:
    """The addresses of the listeners in the network of the stack."""
    program = Path(rolling.__file__).read_text().split("def main")[0] + "print(*listeners())"
    return python(scaled.helper, program).split()


def ask(scaled: Scaled, address: str, token: str, path: str) -> tuple[int, dict[str, Any]]:
    """Send a GET request to a listener. Returns the status and the JSON of the response."""
    status, document = json.loads(python(scaled.helper, ASK, address, token, path))
    return status, document


def run(scaled: Scaled, program: str, argument: str) -> str:
    """Run `rolling.py` or `uploading.py` inside the network of the stack. Returns its stdout."""
    command = ["docker", "exec", "--interactive", scaled.helper, "python", "-"]
    done = subprocess.run(
        [*command, scaled.token, argument],
        input=Path(program).read_text(),
        capture_output=True,
        text=True,
        timeout=ROLLING_SECONDS + 60,
        check=True,
    )
    return done.stdout


def _unfinished(scaled: Scaled, address: str) -> int:
    """1 if any job is not final, else 0."""
    _, page = ask(scaled, address, scaled.token, "/jobs?status=queued,running&limit=1")
    return len(page["items"])


def _jobs(scaled: Scaled, address: str, ids: list[str]) -> list[dict[str, Any]]:
    jobs: list[dict[str, Any]] = []
    for start in range(0, len(ids), 100):
        query = "&".join(f"id={each}" for each in ids[start : start + 100])
        jobs += ask(scaled, address, scaled.token, f"/jobs?{query}")[1]["items"]
    return jobs


CHECKS = (
    its_containers_have_few_rights_and_no_secret_in_their_environment,
    each_container_has_only_its_own_secrets,
    each_listener_requires_a_token,
    an_upload_goes_to_the_bucket_and_is_analyzed,
    updates_and_a_rollback_under_load_lose_no_job_and_no_request,
    a_removed_stack_leaves_nothing,
)
