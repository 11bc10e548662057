"""Traces that the real programs send to a collector. One trace shows a job from POST to its end."""

import json
import re
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.settings.settings import SettingsError
from storage.settings.traces import TraceSettings
from storage.telemetry.start_up import NO_TRACING
from tests.support.programs import Program, Service, running_service
from tests.support.servers.trace_collector import Collector, ReceivedSpan, running_collector

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{PARENT}-01"
TRACED = {"type": "traced", "payload": {}}
SLEEP = {"type": "sleep", "payload": {"seconds": 0}}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


@pytest.fixture
def service(database_url: str, tmp_path: Path, collector: Collector) -> Iterator[Service]:
    with running_service(database_url, tmp_path, **collector.environ) as service:
        yield service


@pytest.fixture
def on_sqlite(tmp_path: Path, collector: Collector) -> Iterator[Service]:
    """A service on SQLite, for behaviour that does not depend on the database."""
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    with running_service(url, tmp_path, **collector.environ) as service:
        yield service


def post(service: Service, path: str, document: Any = None, **headers: str) -> str:
    """Send a POST request; returns the job id in the answer."""
    body = b"" if document is None else json.dumps(document).encode()
    request = urllib.request.Request(service.base_url + path, body, headers, method="POST")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.load(answer)["job_id"])


def named(spans: list[ReceivedSpan]) -> list[str]:
    return [span.name for span in spans]


@pytest.mark.heavy
def test_one_trace_shows_a_job_from_its_submission_to_its_end(
    service: Service, collector: Collector
) -> None:
    worker = service.worker()
    job_id = service.submit(payload={"seconds": 0.1})
    submitted, wait, attempt = collector.wait_for(job_id, 3)
    job = service.job(job_id)
    assert (submitted.name, wait.name, attempt.name) == ("POST /jobs", "wait", "sleep")
    assert (submitted.kind, attempt.kind) == ("SERVER", "CONSUMER")
    assert {span.trace for span in (submitted, wait, attempt)} == {submitted.trace}
    assert (submitted.parent, wait.parent, attempt.parent) == ("", submitted.id, submitted.id)
    assert submitted.attributes["http.response.status_code"] == 202
    assert wait.end == attempt.start
    assert attempt.end - attempt.start >= 100_000_000
    (listed,) = job["attempts"]
    expected = {
        "job.type": "sleep",
        "job.attempt": 1,
        "job.runner": listed["runner"],
        "job.outcome": "returned",
        "job.status": "succeeded",
        "process.pid": listed["pid"],
    }
    assert expected.items() <= attempt.attributes.items()
    assert attempt.error is None
    assert submitted.resource["service.name"] == "job-service-listener"
    assert attempt.resource["service.name"] == "job-service-worker"
    assert listed["runner"].startswith(attempt.resource["service.instance.id"])
    assert worker.stop() == 0


@pytest.mark.heavy
def test_a_failed_attempt_is_an_error_and_its_retry_is_in_the_same_trace(
    service: Service, collector: Collector, tmp_path: Path
) -> None:
    service.worker()
    job_id = service.submit("flaky", {"notes": str(tmp_path / "notes")})
    spans = collector.wait_for(job_id, 5)
    assert named(spans) == ["POST /jobs", "wait", "flaky", "wait", "flaky"]
    first, second = spans[2], spans[4]
    assert {span.trace for span in spans} == {spans[0].trace}
    assert (first.error, second.error) == ("ValueError: not the first time", None)
    assert [span.attributes["job.attempt"] for span in spans[1:]] == [1, 1, 2, 2]
    assert [each.attributes["job.status"] for each in (first, second)] == ["queued", "succeeded"]


@pytest.mark.heavy
def test_the_span_of_a_lost_attempt_is_sent_by_the_runner_that_rescues_it(
    service: Service, collector: Collector
) -> None:
    lost = service.worker(LEASE_SECONDS="5")
    job_id = service.submit(payload={"seconds": 60}, max_losses=0)
    job = service.wait_for_status(job_id, "running")
    lost.stop(signal.SIGKILL)
    other = service.worker(LEASE_SECONDS="5")
    service.wait_for_status(job_id, "failed")
    submitted, _, attempt = collector.wait_for(job_id, 3)
    assert (attempt.trace, attempt.parent) == (submitted.trace, submitted.id)
    assert attempt.attributes["job.outcome"] == "lost"
    assert attempt.attributes["job.runner"] == job["runner"]
    assert str(attempt.error).startswith("Lost: the job has lost its worker once, ")
    assert str(attempt.resource["service.instance.id"]).endswith(f"-{other.process.pid}")


@pytest.mark.heavy
def test_a_job_is_in_the_trace_of_its_client(on_sqlite: Service, collector: Collector) -> None:
    on_sqlite.worker()
    plainly = post(on_sqlite, "/jobs", SLEEP, Traceparent=SAMPLED)
    slowly = post(on_sqlite, "/jobs", SLEEP, Traceparent=SAMPLED, Origin=on_sqlite.base_url)
    for job_id in (plainly, slowly):
        submitted, wait, attempt = collector.wait_for(job_id, 3)
        assert (submitted.trace, submitted.parent) == (TRACE, PARENT)
        assert (wait.trace, attempt.trace) == (TRACE, TRACE)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "bad",
    [
        "",
        "nonsense",
        f"00-{TRACE}-{PARENT}",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"{SAMPLED},{SAMPLED}",
    ],
)
def test_a_malformed_traceparent_is_ignored(
    on_sqlite: Service, collector: Collector, bad: str
) -> None:
    job_id = post(on_sqlite, "/jobs", SLEEP, Traceparent=bad)
    (submitted,) = collector.wait_for(job_id, 1)
    assert submitted.parent == ""
    assert submitted.trace != TRACE


@pytest.mark.heavy
def test_a_trace_that_the_client_does_not_sample_is_not_sent(
    on_sqlite: Service, collector: Collector
) -> None:
    worker = on_sqlite.worker()
    job_id = post(on_sqlite, "/jobs", SLEEP, Traceparent=f"00-{TRACE}-{PARENT}-00")
    on_sqlite.result(job_id)
    assert (worker.stop(), on_sqlite.listener.stop()) == (0, 0)  # both send their remaining spans
    assert collector.of_job(job_id) == []


def test_only_accepted_submissions_have_spans(on_sqlite: Service, collector: Collector) -> None:
    assert on_sqlite.call("POST", "/jobs", {"type": "no such"})[0] == 422
    key = {"Idempotency-Key": "k"}
    first = post(on_sqlite, "/jobs", SLEEP, **key)
    assert post(on_sqlite, "/jobs", SLEEP, **key, Traceparent=SAMPLED) == first
    assert on_sqlite.listener.stop() == 0
    (submitted,) = collector.spans
    assert (submitted.attributes["job.id"], submitted.parent) == (first, "")


def test_a_retry_and_a_cancel_by_a_client_are_in_the_trace_of_the_job(
    on_sqlite: Service, collector: Collector
) -> None:
    job_id = on_sqlite.submit(payload={"seconds": 60})
    post(on_sqlite, f"/jobs/{job_id}/cancel")
    post(on_sqlite, f"/jobs/{job_id}/retry", Traceparent=SAMPLED)
    submitted, cancel, retry = collector.wait_for(job_id, 3)
    assert named([cancel, retry]) == ["POST /jobs/{job_id}/cancel", "POST /jobs/{job_id}/retry"]
    assert {(span.trace, span.parent) for span in (cancel, retry)} == {
        (submitted.trace, submitted.id)
    }
    assert (cancel.links, retry.links) == ((), (TRACE,))


@pytest.mark.heavy
def test_a_job_finds_its_traceparent_in_its_environment(
    on_sqlite: Service, collector: Collector
) -> None:
    on_sqlite.worker()
    job_id = on_sqlite.submit("traced")
    attempt = collector.wait_for(job_id, 3)[2]
    assert on_sqlite.result(job_id)["result"][:-2] == f"00-{attempt.trace}-{attempt.id}-"


REASONS = {"refuses": "refused", "hangs": "timeout", "answers 500": "500"}


@pytest.mark.heavy
@pytest.mark.parametrize("fault", REASONS)
def test_a_failing_collector_disturbs_no_job_and_is_logged_once(
    tmp_path: Path, collector: Collector, fault: str
) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    environ = {**collector.environ, "OTEL_EXPORTER_OTLP_TIMEOUT": "2"}
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # accepts connections, and never answers
        if fault == "hangs":
            address = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            environ[SETTINGS[0]] = address
        elif fault == "refuses":
            environ[SETTINGS[0]] = "http://127.0.0.1:1"
        collector.status = 500
        with running_service(url, tmp_path, **environ) as service:
            worker = service.worker()
            for _ in range(3):
                job = service.result(service.submit(payload={"seconds": 0}))
                assert job["status"] == "succeeded"
                reason = worker.logged("the collector takes no traces, they are lost")["reason"]
                assert REASONS[fault] in reason
            programs = (worker, service.listener)
            assert [program.stop() for program in programs] == [0, 0]
            for program in programs:
                assert problems(program) == ["the collector takes no traces, they are lost"]
                assert program.lines()[-1]["message"] == "stopped"


def problems(program: Program) -> list[str]:
    """The warnings of a program, except warnings in every test, and lines that are not JSON."""
    usual = "no API_TOKENS are set", "jobs are not fully isolated"  # DATA_DIR is below /tmp
    lines = [line for line in program.lines() if line["level"] not in ("INFO", "DEBUG")]
    strange = [line for line in program.log.read_text().splitlines() if line[:1] != "{"]
    return [line["message"] for line in lines if not line["message"].startswith(usual)] + strange


def test_a_collector_that_recovers_gets_later_spans(
    on_sqlite: Service, collector: Collector
) -> None:
    collector.status = 400  # not retried
    on_sqlite.submit("traced")
    on_sqlite.listener.logged("the collector takes no traces, they are lost")
    collector.status = 200
    collector.wait_for(on_sqlite.submit("traced"), 1)
    on_sqlite.listener.logged("the collector takes traces again")


def test_spans_dropped_because_the_queue_is_full_are_logged_once(
    tmp_path: Path, collector: Collector
) -> None:
    environ = {"OTEL_BSP_MAX_QUEUE_SIZE": "2", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2"}
    url, collector.seconds = f"sqlite:///{tmp_path / 'jobs.db'}", 0.1
    with running_service(url, tmp_path, **collector.environ, **environ) as service:
        for _ in range(20):
            service.submit("traced")
        said = "traces come faster than the collector takes them, some are lost"
        service.listener.logged(said)
        assert service.listener.stop() == 0
        assert problems(service.listener) == [said]


@pytest.mark.heavy
def test_a_program_that_stops_sends_its_remaining_spans(
    on_sqlite: Service, collector: Collector
) -> None:
    worker = on_sqlite.worker(OTEL_BSP_SCHEDULE_DELAY="3600000")
    job_id = on_sqlite.submit(payload={"seconds": 0})
    on_sqlite.result(job_id)
    assert worker.stop() == 0
    assert named(collector.wait_for(job_id, 3)) == ["POST /jobs", "wait", "sleep"]


@pytest.mark.heavy
def test_a_program_that_stops_does_not_wait_long_for_the_collector(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        environ = {SETTINGS[0]: address, "OTEL_EXPORTER_OTLP_TIMEOUT": "3600"}
        with running_service(f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path, **environ) as service:
            service.submit("traced")
            assert service.listener.stop(timeout=20) == 0
            lost = "traces are lost: the collector takes too long for the last of them"
            assert problems(service.listener) == [lost]


def test_headers_are_read_from_a_file_and_the_service_name_can_be_set(
    tmp_path: Path, collector: Collector
) -> None:
    secret = tmp_path / "headers"
    secret.write_text("api-key=s3cret\n")
    environ = {
        **collector.environ,
        "OTEL_EXPORTER_OTLP_HEADERS_FILE": str(secret),
        "OTEL_SERVICE_NAME": "mine",
        "OTEL_TRACES_SAMPLER": "",  # as it comes from a compose file
    }
    with running_service(f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path, **environ) as service:
        (submitted,) = collector.wait_for(service.submit("traced"), 1)
        assert submitted.resource["service.name"] == "mine"
        assert collector.headers[0]["api-key"] == "s3cret"
        assert problems(service.listener) == []


SETTINGS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SDK = re.compile(r"^import time:.*\| +opentelemetry\.sdk\.trace$", re.MULTILINE)
LIBRARIES = re.compile(r"^import time:.*\| +(?:opentelemetry|requests|google)\b", re.MULTILINE)


@pytest.mark.heavy
def test_without_traces_no_library_is_loaded_and_jobs_get_no_traceparent(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.db'}"
    with running_service(url, tmp_path, PYTHONPROFILEIMPORTTIME="1") as service:
        worker = service.worker()
        job = service.result(post(service, "/jobs", TRACED, Traceparent=SAMPLED))
        assert (job["status"], job["result"]) == ("succeeded", None)
        for program in (worker, service.listener):
            text = program.log.read_text()
            assert "storage.telemetry.start_up" in text
            assert LIBRARIES.findall(text) == []


@pytest.mark.heavy
def test_the_programs_load_the_trace_libraries_and_job_processes_do_not(
    tmp_path: Path, collector: Collector
) -> None:
    url, environ = f"sqlite:///{tmp_path / 'jobs.db'}", collector.environ
    with running_service(url, tmp_path, PYTHONPROFILEIMPORTTIME="1", **environ) as service:
        worker = service.worker()
        collector.wait_for(service.submit("traced"), 3)
        for program in (worker, service.listener):
            assert len(SDK.findall(program.log.read_text())) == 1


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["server", "runner"])
def test_a_program_without_the_trace_libraries_does_not_start_and_says_why(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / "opentelemetry.py").write_text("raise ImportError('not here')")
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "PORT": "0"}
    environ |= {"DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(tmp_path)}
    program = Program(name, tmp_path, environ)
    assert program.process.wait(30) == 1
    (line,) = program.lines()
    assert line["message"] == f"{NO_TRACING}: not here"


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        (SETTINGS[0], "collector:4318", "must start with http:// or https://"),
        (SETTINGS[1], "grpc://collector", "must start with http:// or https://"),
    ],
)
def test_an_invalid_setting_is_reported_at_the_start(name: str, value: str, wrong: str) -> None:
    with pytest.raises(SettingsError, match=f"(?s){name}={value}.*{wrong}"):
        TraceSettings.read({name: value})


def test_traces_are_on_with_either_address_unless_disabled() -> None:
    for name in SETTINGS:
        given = {name: "http://collector:4318"}
        assert TraceSettings.read(given).traces
        assert not TraceSettings.read({**given, "OTEL_SDK_DISABLED": "true"}).traces
    assert not TraceSettings.read(dict.fromkeys(SETTINGS, "")).traces
