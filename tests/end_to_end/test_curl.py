"""`/analyze` with curl: from a file, from a pipe, and compressed."""

import gzip
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import Service, running_service, uuids

LOG = b"ERROR disk full\nWARN disk slow\nERROR ERROR twice\n"
TABLE = """\
pattern  count  lines  first  last
ERROR        3      2      1     3  ████████████████████
WARN         1      1      2     2  ██████▊
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    with running_service("", tmp_path_factory.mktemp("curl")) as service:
        service.worker()
        yield service


def curl(service: Service, *arguments: str, given: bytes = b"") -> tuple[int, str]:
    """The exit code and the output of curl, whose arguments may contain {url}."""
    command = ["curl", "-sS", *(each.replace("{url}", service.base_url) for each in arguments)]
    done = subprocess.run(command, input=given, capture_output=True, timeout=50, check=False)
    return done.returncode, done.stdout.decode()


@pytest.mark.heavy
@pytest.mark.parametrize(
    "arguments",
    [
        ["--data-binary", "@{file}", "{url}/analyze?p=ERROR&p=WARN"],
        ["--data-binary", "@-", "{url}/analyze?p=ERROR&p=WARN"],
        ["-T", "{file}", "{url}/analyze?p=ERROR&p=WARN"],
        ["-T", "{file}", "{url}/analyze/app.log?p=ERROR&p=WARN"],
        ["-T", "-", "{url}/analyze?p=ERROR&p=WARN"],
        ["-T", "{file}.gz", "{url}/analyze?p=ERROR&p=WARN"],
        ["-T", "{file}.gz", "-H", "Content-Encoding: gzip", "{url}/analyze?p=ERROR&p=WARN"],
        ["-T", "{file}.gz", "{url}/analyze?e=ERROR&e=WARN"],
    ],
    ids=" ".join,
)
def test_one_line_prints_a_table(service: Service, tmp_path: Path, arguments: list[str]) -> None:
    file = tmp_path / "app.log"
    file.write_bytes(LOG)
    (tmp_path / "app.log.gz").write_bytes(gzip.compress(LOG))
    given = LOG if {"-", "@-"} & set(arguments) else b""
    code, text = curl(service, *(a.replace("{file}", str(file)) for a in arguments), given=given)
    assert code == 0
    assert text.startswith(TABLE), text
    assert f"3 lines, {len(LOG)} bytes, " in text
    (job_id,) = uuids(text)
    job = service.job(job_id)
    assert job["status"] == "succeeded"
    assert job["upload"]["name"] == ("app.log" if "/app.log" in arguments[-1] else "unnamed")


def test_curl_sends_the_name_of_the_file_after_a_slash(service: Service, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(LOG)
    _, text = curl(service, "-T", str(tmp_path / "app.log"), "{url}/analyze/")
    assert "template" in text  # without patterns, it is an overview


def test_a_script_notices_a_failed_job(service: Service) -> None:
    archive = b"PK\x03\x04" + bytes(100)
    arguments = ["--data-binary", "@-", "{url}/analyze?p=a"]
    code, text = curl(service, "--fail-with-body", *arguments, given=archive)
    assert code == 22
    assert text.startswith("failed: unnamed: ")
    code, text = curl(service, "-f", "-H", "Accept: application/json", *arguments, given=archive)
    assert code == 0
    assert '"status": "failed"' in text


def test_a_bad_query_costs_no_upload(service: Service, tmp_path: Path) -> None:
    with (tmp_path / "large.log").open("wb") as file:
        file.truncate(50 * 1024**2)
    show = ["-w", "%{http_code} %{size_upload}", "-o", "/dev/null"]
    _, text = curl(service, *show, "-T", str(tmp_path / "large.log"), "{url}/analyze?p=a&i=x")
    assert text == "422 0"
