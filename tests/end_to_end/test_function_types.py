"""Job types that are functions in a folder, in real programs."""

from pathlib import Path

import pytest

from tests.support.programs import running_service

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


@job("shout", file_name="shout.txt")
def shout(text: File) -> bytes:
    return text.read_bytes().upper()


@job
async def fails() -> None:
    await asyncio.sleep(0)
    raise ValueError("no luck")
'''


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
