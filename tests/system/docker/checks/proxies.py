"""Checks of a deployment behind a proxy. Each one leaves all its services running."""

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.support.paths import TESTS
from tests.support.waiting import wait_for
from tests.system.docker.checks import scaled, updates
from tests.system.docker.engine import complaints, docker
from tests.system.docker.overlays.proxied import FRONT, LISTENERS, PROGRAMS, Proxied
from tests.system.docker.overlays.site import DOMAIN

LOG_LINES = 300_000
LINE = b"2026-11-28 12:00:00 ERROR a line of an ordinary log, as there are many\n"
CLIENTS = 4
PAUSE_SECONDS = 0.1
SLEEP = {"type": "sleep", "payload": {"seconds": 0}}
FORGED = "203.0.113.7"


def the_images_of_the_overlays_are_built() -> None:
    folder = TESTS / "system/docker/files"
    for name in PROGRAMS:
        options = ("--quiet", "--tag", f"job-service-{name}", "--target", name)
        docker(
            "build", *options, "--file", f"{folder}/overlays.dockerfile", str(folder), timeout=600
        )
    scaled.the_image_of_the_backing_services_is_built()
    updates.the_image_of_a_later_release_is_built()


def the_proxy_and_three_listeners_start(proxied: Proxied) -> None:
    proxied.start()
    wait_for(proxied.answers, timeout=60)
    assert len(proxied.containers("listener")) == LISTENERS


def only_the_proxy_can_be_reached_and_workers_are_in_another_network(proxied: Proxied) -> None:
    for listener in proxied.containers("listener"):
        assert docker("port", listener) == ""
    assert proxied.networks("proxy") == {"front"}
    assert "front" not in proxied.networks("worker")


def plain_http_is_redirected(proxied: Proxied) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxied.plain_port, timeout=20)
    connection.request("GET", "/ui/jobs", headers={"Host": DOMAIN})
    response = connection.getresponse()
    location = response.headers["Location"]
    assert (response.status // 100, location) == (3, f"https://{DOMAIN}/ui/jobs")
    connection.close()


def requests_reach_all_listeners(proxied: Proxied) -> None:
    wait_for(lambda: len({_listener(proxied) for _ in range(3 * LISTENERS)}) == LISTENERS, 30)


def a_page_may_submit_and_one_of_another_origin_may_not(proxied: Proxied) -> None:
    site = proxied.site
    assert site.request("POST", "/jobs", SLEEP, Origin=site.origin)[0] == 202
    for origin in (f"https://{DOMAIN}", f"https://{DOMAIN}:9", "https://evil.example"):
        assert site.request("POST", "/jobs", SLEEP, Origin=origin)[0] == 403
    headers = {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}
    assert site.request("POST", "/jobs", SLEEP, **headers)[0] == 403


def an_upload_of_20_mb_is_counted(proxied: Proxied) -> str:
    log = proxied.folder / "app.log"
    log.write_bytes(LINE * LOG_LINES)
    job = proxied.site.client.final(proxied.site.analyze(log))
    assert (job["status"], job["result"]["counts"]) == ("succeeded", {"ERROR": LOG_LINES}), job
    return f"{log.stat().st_size / 1e6:.0f} MB"


def events_arrive_while_the_job_runs(proxied: Proxied) -> None:
    client = proxied.site.client
    with proxied.site.events() as stream:
        job_id = client.sleep(2)
        statuses: list[str] = []
        while "running" not in statuses:
            line = stream.readline().decode()
            assert line, statuses
            if line.startswith("data: ") and json.loads(line[6:])["job_id"] == job_id:
                statuses.append(json.loads(line[6:])["status"])
        assert client.job(job_id)["status"] == "running"


def a_waiting_request_gets_the_result(proxied: Proxied) -> None:
    body = {"type": "sleep", "payload": {"seconds": 1.5}}
    status, text = proxied.site.request("POST", "/jobs?wait=30", body)
    assert (status, json.loads(text)["status"]) == (200, "succeeded")


def a_listener_sees_the_address_of_the_client_and_no_forged_one(proxied: Proxied) -> str:
    """The client is on this machine, so Docker's gateway stands for its address."""
    headers = {"X-Forwarded-For": FORGED, "X-Request-Id": "asked-by-the-checks"}
    assert proxied.site.request("POST", "/jobs", {}, **headers)[0] == 422
    logs = [complaints("logs", each) for each in proxied.containers("listener")]
    lines = [json.loads(line) for log in logs for line in log.splitlines()]
    (address,) = {
        line["address"] for line in lines if line.get("request_id") == headers["X-Request-Id"]
    }
    assert address == f"{FRONT}.1"
    return str(address)


def listeners_stop_and_start_without_a_failed_request(proxied: Proxied) -> str:
    """The load goes on while one of three listeners is stopped and started, one after another."""
    with _load_of(proxied) as load:
        for listener in proxied.containers("listener")[:2]:
            docker("stop", listener)
            _wait_for_answers(load)
            docker("start", listener)
            wait_for(partial(_is_healthy, listener), 60)
            _wait_for_answers(load)
    return f"{sum(each.answered for each in load)} requests"


def an_update_fails_no_request(proxied: Proxied) -> str:
    with _load_of(proxied) as load:
        _wait_for_answers(load)
        proxied.update_to(updates.NEWER)
        _wait_for_answers(load)
    programs = [*proxied.containers("listener"), *proxied.containers("worker")]
    images = docker("inspect", "--format", "{{.Config.Image}}", *programs).split()
    assert images == [updates.NEWER] * (LISTENERS + 1)
    again = sum(each.again for each in load)
    return f"{sum(each.answered for each in load)} requests, {again} to be sent again"


def a_killed_listener_is_replaced(proxied: Proxied) -> None:
    """Requests that it had received may fail. The next ones reach the others."""
    killed = proxied.containers("listener")[0]
    docker("kill", "--signal", "KILL", killed)
    wait_for(lambda: all(proxied.answers() for _ in range(2 * LISTENERS)), 30)
    docker("start", killed)


def the_deployment_is_removed(proxied: Proxied) -> None:
    proxied.remove()


class _Load:
    """A thread that reads and submits, each time on a new connection, until it is stopped."""

    def __init__(self, proxied: Proxied):
        self.answered = self.again = 0
        self.failures: list[str] = []
        self._site = proxied.site
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Wait for the last response."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(PAUSE_SECONDS):
            for method, path, body, expected in (
                ("POST", "/jobs", SLEEP, 202),
                ("GET", "/jobs?limit=1", None, 200),
            ):
                try:
                    status, text = self._site.request(method, path, body)
                except (OSError, http.client.HTTPException) as error:
                    status, text = 0, repr(error)
                if status == expected:
                    self.answered += 1
                elif "store_unavailable" in text or status == 504:
                    self.again += 1  # it migrates the database, or a proxy gave up; clients repeat
                else:
                    self.failures.append(f"{method} {path}: {status} {text[:200]}")


@contextmanager
def _load_of(proxied: Proxied) -> Iterator[list[_Load]]:
    """Several clients that send requests during the block. None of them may fail."""
    load = [_Load(proxied) for _ in range(CLIENTS)]
    try:
        yield load
    finally:
        for each in load:
            each.stop()
    failures = [failure for each in load for failure in each.failures]
    assert not failures, (len(failures), failures[:3], proxied("logs", "--tail=9", "proxy"))


def _wait_for_answers(load: list[_Load]) -> None:
    enough = sum(each.answered for each in load) + 50
    wait_for(lambda: sum(each.answered for each in load) > enough, 30)


def _is_healthy(container: str) -> bool:
    return docker("inspect", "--format", "{{.State.Health.Status}}", container) == "healthy"


def _listener(proxied: Proxied) -> str:
    """The name of the listener that answers a request."""
    status, text = proxied.site.request("GET", "/metrics")
    assert status == 200, text
    found = re.search(r'^job_service_listener_info\{listener="(.*?)"', text, re.MULTILINE)
    assert found, text
    return found[1]


CHECKS = (
    only_the_proxy_can_be_reached_and_workers_are_in_another_network,
    plain_http_is_redirected,
    requests_reach_all_listeners,
    a_page_may_submit_and_one_of_another_origin_may_not,
    an_upload_of_20_mb_is_counted,
    events_arrive_while_the_job_runs,
    a_waiting_request_gets_the_result,
    a_listener_sees_the_address_of_the_client_and_no_forged_one,
    listeners_stop_and_start_without_a_failed_request,
    a_killed_listener_is_replaced,
    an_update_fails_no_request,
)
