"""Job types that are functions in a folder, in real programs."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import form
from tests.support.programs import Service, running_service

pytestmark = pytest.mark.sqlite

TYPES = '''
import asyncio
from datetime import date

from runner.job_types import Context, File, job


@job("count", timeout=50, max_retries=0)
def count(text: File | None, context: Context, day: date = date(2030, 1, 31)) -> dict:
    """Counts the lines of a text."""
    context.report({"lines_done": 1})
    lines = text.read_text().splitlines() if text else []
    return {"lines": len(lines), "day": day, "file": text and text.name}


@job
async def squares(n: int) -> list[int]:
    async def square(k: int) -> int:
        await asyncio.sleep(0.01)
        return k * k
    return await asyncio.gather(*map(square, range(n)))


@job("join")
def join(files: list[File]) -> str:
    return " ".join(f"{each.name}={each.read_text()}={each.path.read_text()}" for each in files)


@job("compare")
def compare(before: File, after: File) -> str:
    return f"{before.name} {after.name}"


@job("shout", file_name="shout.txt")
def shout(text: File) -> bytes:
    return text.read_bytes().upper()


@job
async def fails() -> None:
    await asyncio.sleep(0)
    raise ValueError("no luck")
'''


@pytest.mark.heavy
def test_functions_in_a_folder_run_as_jobs(tmp_path: Path) -> None:
    folder = tmp_path / "types"
    folder.mkdir()
    (folder / "mine.py").write_text(TYPES)
    environ = {"JOB_TYPES_FOLDER": str(folder), "JOB_NETWORK": "none"}
    with running_service("", tmp_path, **environ) as service:
        service.worker(**environ)
        status, problem = service.call("POST", "/jobs", {"type": "count", "payload": {"day": 5}})
        assert (status, problem["errors"][0]["field"]) == (422, "payload.day")
        without = service.submit("count", {})
        with_file = service.upload(b"a\nb\n", {"day": "2031-01-01"}, "count")
        gathered = service.submit("squares", {"n": 4})
        shouted = service.upload(b"abc", {}, "shout")
        failed = service.submit("fails", {}, max_retries=0)
        assert service.result(without)["result"] == {"lines": 0, "day": "2030-01-31", "file": None}
        job = service.result(with_file)
        assert job["result"] == {"lines": 2, "day": "2031-01-01", "file": job["upload"]["name"]}
        assert (job["progress"], job["timeout"], job["max_retries"]) == ({"lines_done": 1}, 50, 0)
        assert service.result(gathered)["result"] == [0, 1, 4, 9]
        job = service.result(shouted)
        assert (job["result"], job["files"]) == ({"files": ["shout.txt"]}, 1)
        assert service.wait_for_status(failed, "failed")["error"]["message"] == "no luck"


@pytest.mark.heavy
def test_a_function_gets_several_files(tmp_path: Path) -> None:
    (tmp_path / "types").mkdir()
    (tmp_path / "types/mine.py").write_text(TYPES)
    environ = {"JOB_TYPES_FOLDER": str(tmp_path / "types"), "JOB_TYPES": ""}
    with running_service("", tmp_path, **environ) as service:
        service.worker(**environ)
        assert (
            sent(service, "join", "a.txt", "b.txt")["result"]
            == "a.txt=a.txt=a.txt b.txt=b.txt=b.txt"
        )
        assert sent(service, "join", "a.txt")["result"] == "a.txt=a.txt=a.txt"
        assert sent(service, "compare", "a.txt", "b.txt")["result"] == "a.txt b.txt"
        with pytest.raises(urllib.error.HTTPError) as refused:
            sent(service, "compare", "a.txt")
        (error,) = json.load(refused.value)["errors"]
        assert refused.value.code == 422
        assert "before, after; it got 1" in error["detail"], error


def sent(service: Service, type: str, *names: str) -> dict[str, Any]:
    """A job with files that have their names as content, when it has ended."""
    parts = [("type", None, type.encode()), ("payload", None, b"{}")]
    body, content_type = form([*parts, *(("files", name, name.encode()) for name in names)])
    headers = {"Content-Type": content_type}
    request = urllib.request.Request(f"{service.base_url}/jobs", body, headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return service.result(json.load(response)["job_id"])
