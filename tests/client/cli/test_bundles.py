"""`jobservice bundle` and `jobservice replay`."""

import json
import re
import zipfile

import pytest

from jobservice import Client
from tests.support.jobs_command import JobsCommand
from tests.support.paths import ROOT


@pytest.mark.heavy
def test_a_bundle_is_saved_and_replayed(jobs: JobsCommand, client: Client) -> None:
    job = client.submit("talk", {"lines": 2, "then": "return"}, wait=20)
    path = str(jobs.folder / "fault.zip")
    done = jobs.run("bundle", job.id[-8:], "-o", path)
    assert (done.code, done.out) == (0, f"{path}\n")
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == [
            "bundle.json", "events.json", "job.json", "output/1.jsonl", "output/1.log",
        ]  # fmt: skip
        output = archive.read("output/1.log").decode()
        entries = [json.loads(line) for line in archive.read("output/1.jsonl").splitlines()]
    assert output == "".join(client.get(job.id).logs())
    assert len(entries) == len(output.splitlines()) > 0
    new_id = jobs.run("replay", path, "--priority", "4").out.strip()
    assert new_id != job.id
    new = client.get(new_id)
    assert (new.data.type, (new.data.payload or {})["lines"], new.data.priority) == ("talk", 2, 4)
    waited = jobs.run("replay", path, "--wait", "--json")
    assert waited.items[0]["status"] == "succeeded"


def test_the_default_name_is_that_of_the_job(jobs: JobsCommand, client: Client) -> None:
    job = client.submit("sleep", {"seconds": 0}, wait=20)
    place = str(jobs.folder / f"{job.id}.bundle.zip")
    assert jobs.run("bundle", job.id, "--files", "-o", f"{jobs.folder}/").out.strip() == place
    made = jobs.run("bundle", job.id, "-o", str(jobs.folder / "x.zip"), "--json")
    assert made.items[0] == {"job_id": job.id, "path": str(jobs.folder / "x.zip")}


def test_errors_name_the_file(jobs: JobsCommand) -> None:
    done = jobs.run("replay", "none.zip")
    assert done.code == 1
    assert "none.zip cannot be read: No such file or directory" in done.err
    text = jobs.folder / "text"
    text.write_text("x")
    done = jobs.run("replay", str(text))
    assert done.code == 1
    assert "text is not the bundle of a job: jobservice bundle makes one" in done.err


@pytest.mark.heavy
def test_the_examples_of_the_page_run(jobs: JobsCommand) -> None:
    text = (ROOT / "docs/bundles.md").read_text()
    (script,) = re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
    done = jobs.shell(f"set -eu\n{script}")
    assert (done.code, done.err) == (0, "")
    assert (jobs.folder / "fault.zip").exists()
