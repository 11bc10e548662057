"""`Job` as a value of Python, and what the client logs."""

import logging
import pickle
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from jobservice import Client

JOB_ID = "01a2107d-0895-769f-a7be-5481af6a183c"


class FailsOnce(BaseHTTPRequestHandler):
    """Answers 503 at first, and then with a job."""

    answers = 0

    def do_GET(self) -> None:
        type(self).answers += 1
        body = b'{"job_id": "%b", "status": "queued"}' % JOB_ID.encode()
        self.send_response(503 if self.answers == 1 else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


@pytest.mark.heavy
def test_two_objects_of_one_job_are_equal(client: Client) -> None:
    job = client.submit("sleep", {"seconds": 0})
    assert job == client.get(job.id)
    assert len({job, client.get(job.id)}) == 1
    assert job != client.submit("sleep", {"seconds": 0})
    assert job != job.id


def test_a_pickled_job_can_be_used(client: Client) -> None:
    job = client.submit("sleep", {"seconds": 0})
    copy = pickle.loads(pickle.dumps(job))
    assert copy == job
    with closing(copy._transport):  # no client closes it
        assert copy.result(20) == {"slept": 0.0}
    assert isinstance(pickle.loads(pickle.dumps(job)).data.status, str)


def test_a_retry_is_a_warning_and_no_id_is_in_a_line_at_info(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = HTTPServer(("127.0.0.1", 0), FailsOnce)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with server, Client(f"http://127.0.0.1:{server.server_port}") as client:
        assert client.get(JOB_ID).status == "queued"
        server.shutdown()
    ours = [(each.levelname, each.message) for each in caplog.records if each.name == "jobservice"]
    assert [level for level, _ in ours] == ["DEBUG", "WARNING", "DEBUG"]
    assert "trying again in" in ours[1][1]
    loud = [each.getMessage() for each in caplog.records if each.levelno >= logging.INFO]
    assert not any(JOB_ID in text for text in loud), loud
