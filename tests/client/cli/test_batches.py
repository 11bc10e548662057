"""`jobservice batches` and its subcommands."""

import json
from pathlib import Path

import pytest

from tests.support.jobs_command import JobsCommand

SLEEP = {"type": "sleep", "payload": {"seconds": 0}}
WRONG = {"type": "sleep", "payload": {"seconds": -1}}


def write(folder: Path, text: str) -> str:
    """A file with this text; return its path."""
    path = folder / "jobs.jsonl"
    path.write_text(text)
    return str(path)


@pytest.mark.heavy
def test_the_jobs_of_a_file_are_submitted_and_waited_for(jobs: JobsCommand, tmp_path: Path) -> None:
    lines = write(tmp_path, f"{json.dumps(SLEEP)}\n\n{json.dumps(SLEEP)}\n")
    done = jobs.run("batches", "submit", lines)
    assert (done.code, len(done.out.split())) == (0, 1)
    batch_id = done.out.strip()
    waited = jobs.run("batches", "wait", batch_id, "--timeout", "30")
    assert (waited.code, waited.out) == (0, f"{batch_id}  2 succeeded\n")
    shown = jobs.run("batches", "show", batch_id, "--json").items[0]
    assert (shown["succeeded"], shown["finished"]) == (2, True)
    assert len(jobs.run("list", "--batch", batch_id, "--json").items) == 2
    assert jobs.run("batches", "list", "--json").items[0] == shown
    columns = jobs.run("batches", "list", "-n", "1").out.splitlines()[-1].split()
    assert (columns[0], columns[-3:]) == (batch_id, ["2", "2", "succeeded"])
    assert jobs.run("batches", "cancel", batch_id).out == "0 of 0 jobs changed\n"
    array = write(tmp_path, json.dumps([SLEEP]))
    done = jobs.run("batches", "submit", array, "--wait", "--json")
    assert (done.code, done.items[0]["succeeded"]) == (0, 1)


def test_refused_jobs_are_reported_and_the_others_submitted(
    jobs: JobsCommand, tmp_path: Path
) -> None:
    lines = write(tmp_path, "\n".join(map(json.dumps, [SLEEP, *[WRONG] * 22])))
    done = jobs.run("batches", "submit", lines)
    assert (done.code, len(done.out.split())) == (1, 1)
    assert f"line 2 of {lines} is refused: payload.seconds: it must be at least 0" in done.err
    assert "2 more jobs are refused" in done.err
    assert jobs.run("batches", "submit", lines, "--wait").code == 1
    atomic = jobs.run("batches", "submit", lines, "--atomic")
    assert (atomic.code, atomic.out) == (2, "")
    assert f"line 2 of {lines}: payload.seconds: it must be at least 0" in atomic.err
    assert f"; line 3 of {lines}: payload.seconds: " in atomic.err
    array = write(tmp_path, json.dumps([SLEEP, WRONG]))
    done = jobs.run("batches", "submit", array)
    assert f"job 2 of {array} is refused: payload.seconds: " in done.err


def test_files_without_jobs_are_refused(jobs: JobsCommand, tmp_path: Path) -> None:
    done = jobs.run("batches", "submit", str(tmp_path / "none"))
    assert done.code == 2
    assert "cannot be read" in done.err
    done = jobs.run("batches", "submit", write(tmp_path, json.dumps(SLEEP) + "\n{"))
    assert done.code == 2
    assert "line 2 of" in done.err
    done = jobs.run("batches", "submit", write(tmp_path, '{"payload": {}}'))
    assert done.code == 2
    assert (
        'jobs.jsonl is not an object such as {"type": "sleep", "payload": {"seconds": 3}}'
        in done.err
    )
    unknown = write(tmp_path, "\n" + json.dumps({**SLEEP, "prioriti": 1}))
    done = jobs.run("batches", "submit", unknown)
    assert done.code == 2
    assert f"line 2 of {unknown}: submit does not take prioriti: did you mean priority?" in done.err
    done = jobs.run("batches", "submit", write(tmp_path, json.dumps(SLEEP)), "--then", "{}")
    assert "--then: then is not an object such as" in done.err
    assert jobs.run("batches", "show", "01a21054-ecc3-7788-9e49-c6d97d1c0000").code == 1


def test_the_jobs_of_a_file_name_each_other(jobs: JobsCommand, tmp_path: Path) -> None:
    body = {"jobs": [{**SLEEP, "name": "late", "after": ["first"]}, {**SLEEP, "name": "first"}]}
    batch = jobs.run("batches", "submit", write(tmp_path, json.dumps(body)), "--json").document
    late, first = batch["job_ids"]
    assert batch["names"] == {"late": late, "first": first}
    assert jobs.run("show", late, "--json").document["after"] == [first]
    shown = jobs.run("batches", "graph", batch["batch_id"]).out.splitlines()
    assert shown[0].split() == ["NAME", "TYPE", "STATUS", "AFTER", "ID"]
    assert shown[1].split()[:2] == ["late", "sleep"]
    assert shown[1].split()[-2:] == ["first", late]
    graph = jobs.run("batches", "graph", batch["batch_id"], "--json").document
    assert [job["name"] for job in graph["jobs"]] == ["late", "first"]
    lines = "\n".join(map(json.dumps, [SLEEP, {**SLEEP, "input": {"from": "frist"}}]))
    done = jobs.run("batches", "submit", write(tmp_path, lines))
    assert "line 2 of" in done.err
    wrong = [{**SLEEP, "name": "first"}, {**SLEEP, "input": {"from": "frist"}}]
    done = jobs.run("batches", "submit", write(tmp_path, json.dumps(wrong)))
    assert (done.code, done.out) == (2, "")
    assert "did you mean first?" in done.err
    assert "job 2 of" in done.err


def test_a_file_may_be_the_body_of_the_api(jobs: JobsCommand, tmp_path: Path) -> None:
    body = {"jobs": [SLEEP], "then": SLEEP}
    file = write(tmp_path, json.dumps(body, indent=2))
    batch = jobs.run("batches", "submit", file, "--json").document
    assert (batch["size"], batch["then"] is None) == (1, False)
    done = jobs.run("batches", "submit", file, "--then", json.dumps(SLEEP))
    assert (done.code, done.out) == (2, "")
    assert "leave out --then" in done.err
    done = jobs.run("batches", "submit", write(tmp_path, json.dumps({**body, "atomic": True})))
    assert (done.code, done.out) == (2, "")
    assert "unknown field atomic: known are jobs and then" in done.err


def test_a_wait_for_a_batch_ends_with_the_job_that_follows(
    jobs: JobsCommand, tmp_path: Path
) -> None:
    then = {"type": "sleep", "payload": {"seconds": 0}, "delay": 600}
    file = write(tmp_path, json.dumps({"jobs": [SLEEP], "then": then}))
    batch = jobs.run("batches", "submit", file, "--json").document
    done = jobs.run("batches", "wait", batch["batch_id"], "--timeout", "1")
    assert (done.code, done.out) == (124, "")
    jobs.run("cancel", batch["then"])
    done = jobs.run("batches", "wait", batch["batch_id"])
    assert (done.code, "1 succeeded" in done.out) == (1, True)
    assert f"the job that follows, {batch['then']}, has the status canceled" in done.err
