"""Every call of both clients, against a real service."""

import gzip
import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jobservice import (
    ApiError,
    Client,
    FileDamaged,
    JobCanceled,
    JobFailed,
    NewJob,
    WaitTimeout,
)
from jobservice.options import Options
from tests.support.programs import Service

LOG = b"one ERROR\ntwo WARN ERROR\n"


@pytest.fixture
def queue(api: Client) -> Iterator[str]:
    """A paused queue."""
    name = f"q-{uuid4().hex[:8]}"
    api.put_queue(name, paused=True)
    yield name
    api.cancel_all(queue=name)
    for job in api.list(queue=name):
        job.wait(10)
    api.delete_queue(name)


@pytest.mark.heavy
def test_a_job_is_submitted_and_its_result_read(api: Client) -> None:
    job = api.submit("sleep", {"seconds": 0.01}, priority=3, timeout=timedelta(seconds=60))
    assert (job.status, job.is_final, job.data.type) == ("queued", False, "sleep")
    assert job.result(20) == {"slept": 0.01}
    assert (job.status, job.is_final) == ("succeeded", True)
    assert (job.data.priority, job.data.timeout) == (3, 60)
    assert job.data.finished_at is not None
    assert job.data.attempts[0].outcome == "returned"


def test_a_dry_run_stores_nothing(api: Client) -> None:
    tag = f"tried-{uuid4()}"
    found = api.dry_run("sleep", {"seconds": 5}, tags=[tag], delay=3600)
    assert (found.job.type, found.job.tags, found.slots > 0) == ("sleep", (tag,), True)
    assert [reason["code"] for reason in found.reasons] == ["not_due"]
    assert found.estimated_start_at == found.job.run_at
    assert api.dry_run("analyze", {"patterns": ["ERROR"]}, file=LOG, tags=[tag]).job.upload
    assert list(api.list(tag=tag)) == []
    with pytest.raises(ApiError):
        api.dry_run("sleep", {"seconds": -1})


def test_a_submission_can_wait(api: Client) -> None:
    assert api.submit("sleep", {"seconds": 0.01}, wait=20).data.result == {"slept": 0.01}


def test_a_submission_does_not_wait_longer_than_told(api: Client, queue: str) -> None:
    assert api.submit("sleep", {"seconds": 0}, wait=0.05, queue=queue).status == "queued"


def test_a_key_makes_two_submissions_one_job(api: Client) -> None:
    key = str(uuid4())
    first = api.submit("sleep", {"seconds": 0}, idempotency_key=key)
    assert api.submit("sleep", {"seconds": 0}, idempotency_key=key).id == first.id
    assert api.submit("sleep", {"seconds": 0}).id != first.id
    with pytest.raises(ApiError) as caught:
        api.submit("sleep", {"seconds": 1}, idempotency_key=key)
    assert (caught.value.status, caught.value.code) == (422, "key_reused")


def test_jobs_of_a_batch_are_submitted_followed_and_canceled(api: Client, queue: str) -> None:
    jobs: list[NewJob] = [
        {"type": "sleep", "payload": {"seconds": 0}, "tags": ["b"], "delay": timedelta(seconds=0)},
        {"type": "sleep", "payload": {"seconds": -1}},
        {"type": "sleep", "payload": {"seconds": 0}, "queue": queue},
    ]
    key = str(uuid4())
    then: NewJob = {"type": "sleep", "payload": {"seconds": 0.01}, "delay": timedelta(seconds=0)}
    given: Any = {"atomic": False, "then": then, "idempotency_key": key}
    batch = api.batches.submit(jobs, **given)
    assert (batch.size, batch.refused, batch.job_ids[1]) == (2, 1, None)
    assert (batch.refusals[0].index, batch.refusals[0].code) == (1, "invalid_request")
    assert api.batches.submit(jobs, **given).job_ids == batch.job_ids
    api.wait_all([str(batch.job_ids[0])], 20)
    with pytest.raises(WaitTimeout, match="1 job is not final in batch"):
        api.batches.wait(batch.batch_id, 0.1)
    listed = {each.batch_id: each for each in api.batches.list()}
    assert (listed[batch.batch_id].refused, listed[batch.batch_id].finished) == (1, False)
    assert len([*api.batches.list(limit=1)]) == 1
    assert [job.id for job in api.list(batch=batch.batch_id)] == [
        each for each in reversed(batch.job_ids) if each
    ]
    assert api.get(str(batch.then)).status == "queued"
    api.get(str(batch.job_ids[2])).cancel()
    found = api.batches.wait(batch.batch_id, 20)
    assert (found.succeeded, found.canceled, found.finished) == (1, 1, True)
    assert found.then == batch.then
    assert api.get(str(batch.then)).result(20) == {"slept": 0.01}
    assert api.batches.cancel(batch.batch_id).changed == 0
    assert found.finished_at is not None
    assert api.get(str(batch.job_ids[0])).data.batch_id == batch.batch_id


def test_a_pipeline_is_submitted_as_a_whole(api: Client) -> None:
    with api.pipeline() as pipeline:
        first = pipeline.submit("collect", {"label": "first"})
        assert first.id == "job-1"
        both = pipeline.submit("collect", {}, name="both", after=[first, "last"], input_from=first)
        last = pipeline.submit("collect", {}, name="last", after=first)
        pipeline.then("collect", {"label": "end"}, input_from=both)
    assert pipeline.batch.names == {"job-1": first.id, "both": both.id, "last": last.id}
    job = api.get(both.id)
    assert job.data.after == (first.id, last.id)
    assert job.result(20) == ["", ["first", None]]
    assert api.get(str(pipeline.batch.then)).result(20) == ["end", ["", ["first", None]]]
    found = api.batches.pipeline(pipeline.batch.batch_id)
    assert [(step.name, step.after) for step in found.jobs] == [
        ("job-1", ()),
        ("both", (first.id, last.id)),
        ("last", (first.id,)),
    ]
    assert found.then is not None
    assert (found.then.job_id, found.then.status) == (pipeline.batch.then, "succeeded")


def test_a_pipeline_with_a_mistake_is_not_submitted(api: Client) -> None:
    wrong = api.pipeline()
    wrong.submit("collect", {}, name="build")
    wrong.submit("collect", {}, after="biuld")
    with pytest.raises(ApiError, match=r"did you mean build\?"), wrong:
        pass
    left = api.pipeline()
    left.submit("collect", {})
    with pytest.raises(KeyError), left:
        raise KeyError
    with pytest.raises(RuntimeError, match="at the end of its with block"):
        _ = left.batch


def test_a_pipeline_takes_each_name_once_and_nothing_after_its_end(api: Client) -> None:
    with api.pipeline() as pipeline:
        pipeline.submit("collect", {}, name="job-2")
        assert pipeline.submit("collect", {}).id == "job-3"
        with pytest.raises(ValueError, match="a job with the name job-2 already"):
            pipeline.submit("collect", {}, name="job-2")
        pipeline.then("collect", {})
        with pytest.raises(RuntimeError, match="has one already"):
            pipeline.then("collect", {})
    assert pipeline.batch.size == 2
    for call in (pipeline.submit, pipeline.then):
        with pytest.raises(RuntimeError, match="begin another one"):
            call("collect", {})


def test_a_batch_with_wrong_jobs_is_refused(api: Client) -> None:
    wrong: list[NewJob] = [{"type": "sleep", "payload": {"seconds": -1}}]
    valid: list[NewJob] = [{"type": "sleep", "payload": {"seconds": 0}}]
    with pytest.raises(ApiError) as caught:
        api.batches.submit(valid + wrong)
    assert (caught.value.status, caught.value.field) == (422, "[1].payload.seconds")
    with pytest.raises(ApiError, match="batch_not_found"):
        api.batches.get(str(uuid4()))
    with pytest.raises(TypeError, match="job 1 is not a dict"):
        api.batches.submit([*valid, {"payload": {}}])  # type: ignore[typeddict-item]
    with pytest.raises(TypeError, match="did you mean priority"):
        api.batches.submit([{"type": "sleep", "prioritty": 1}])  # type: ignore[typeddict-unknown-key]


def test_an_error_names_the_field_and_the_request(api: Client) -> None:
    with pytest.raises(ApiError) as caught:
        api.submit("sleep", {"seconds": -1})
    error = caught.value
    assert (error.status, error.code, error.field) == (422, "invalid_request", "payload.seconds")
    assert error.request_id
    assert error.request_id in str(error)
    with pytest.raises(ApiError, match="job_not_found, status 404"):
        api.get(str(uuid4()))


def test_files_of_every_kind_are_uploaded(api: Client, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(LOG)
    seen: list[tuple[int, int | None]] = []
    job = api.analyze(path, ["ERROR", "WARN"], on_progress=lambda *step: seen.append(step))
    assert job.result(20)["counts"] == {"ERROR": 2, "WARN": 1}
    assert seen == [(0, len(LOG)), (len(LOG), len(LOG))]
    assert job.data.upload is not None
    assert (job.data.upload.name, job.data.upload.size) == ("app.log", len(LOG))
    pipe = io.BufferedReader(io.BytesIO(LOG))
    pipe.seekable = lambda: False  # type: ignore[method-assign]
    for source in (str(path), LOG, ("ü.log", LOG), io.BytesIO(LOG), pipe):
        assert api.analyze(source, ["ERROR"]).result(20)["counts"] == {"ERROR": 2}


def test_an_analysis_can_use_the_file_of_an_earlier_job(api: Client) -> None:
    first = api.analyze(LOG, ["ERROR"], priority=1)
    second = api.analyze(first, [], regexes=["W.RN"], ignore_case=True, samples=1, lines=True)
    assert second.result(20)["counts"] == {"W.RN": 1}
    assert second.data.upload == first.refresh().data.upload


def test_values_of_fields_are_counted(api: Client) -> None:
    log = b"".join(b'{"level":"warn","user":"u%d","ms":%d}\n' % (n % 3, n) for n in range(9))
    ms = {"name": "took", "regex": '"ms":([0-9]+)'}
    result = api.analyze(log, ["warn"], fields=["user", ms], top=2).result(20)
    user, took = result["fields"].values()
    assert [each["count"] for each in user["top"]] == [3, 3]
    assert (user["distinct"], took["number"]["max"]) == (3, 8.0)
    with pytest.raises(TypeError):
        api.analyze(log, ["warn"], fields="user")


def test_fields_are_counted_over_time(api: Client) -> None:
    log = b"".join(b"2030-01-31T12:00:0%dZ took %d ms\n" % (n, n) for n in range(9))
    ms = {"name": "ms", "regex": "took ([0-9]+) ms"}
    result = api.analyze(log, ["took"], fields=[ms], fields_over_time=True).result(20)
    assert result["timeline"]["bins"] == 9
    assert result["fields"]["ms"]["over_time"]["count"] == [1] * 9
    some: list[dict[str, object]] = [
        {**ms},
        {"name": "other", "regex": "([0-9]+) ms", "over_time": True},
    ]
    found = api.analyze(log, ["took"], fields=some).result(20)["fields"]
    assert ["over_time" in each for each in found.values()] == [False, True]


def test_members_of_an_archive_can_be_selected(api: Client) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.log", LOG)
        archive.writestr("notes.txt", "ERROR")
    result = api.analyze(content.getvalue(), ["ERROR"], members=["*.log"]).result(20)
    assert result["counts"] == {"ERROR": 2}
    assert [each["name"] for each in result["members"]] == ["app.log"]


def test_two_analyses_are_compared(api: Client) -> None:
    before = api.analyze(b"ERROR\n" + b"ok\n" * 999, ["ERROR"])
    after = api.analyze(b"ERROR\n" * 90 + b"ok\n" * 910, ["ERROR"], compare=before)
    assert api.wait_all([before, after])
    assert after.comparison()["changes"]["more"] == 1
    assert before.comparison(after)["changes"]["less"] == 1
    assert after.comparison(before.id, min_ratio=100)["changes"]["more"] == 0
    with pytest.raises(ApiError, match="name the earlier job"):
        before.comparison()
    assert after.report().startswith("<!doctype html>")
    assert after.report(csv="patterns").splitlines()[1] == "ERROR,90,90,1,90"
    assert ",more,"[1:] in after.report(csv="comparison", before=before.id)


def test_a_range_of_an_analysis_is_explained(api: Client) -> None:
    lines = [f"2030-01-31T12:{n:02}:00Z INFO served {n}" for n in range(60) for _ in range(20)]
    lines[800:800] = ["2030-01-31T12:40:01Z ERROR disk full"] * 50
    job = api.analyze("\n".join(lines).encode(), explain=True)
    found = job.result()["overview"]["explanations"][0]
    assert found["from"] == "2030-01-31T12:40:00.000Z"
    since = datetime(2030, 1, 31, 12, 40, tzinfo=UTC)
    assert job.explain_range(since, since + timedelta(minutes=1))["causes"] == found["causes"]
    assert job.explain_range("-30m")["lines"] == 670
    with pytest.raises(ApiError, match="the log has no time in this range"):
        job.explain_range(since - timedelta(days=1), since - timedelta(hours=23))


def test_a_result_is_reused(api: Client) -> None:
    log = f"ERROR {uuid4()}\n".encode()
    job = api.analyze(log, ["ERROR"])
    job.wait(20)
    again = api.analyze(log, ["ERROR"], reuse=True)
    assert (again.id, again.data.reused_from) == (job.id, job.id)
    assert again.result() == job.result()
    other = api.analyze(log, ["WARN"], reuse=True)
    assert (other.data.reused_from, other.result()["counts"]) == (None, {"WARN": 0})


def test_a_job_waits_for_others(api: Client, queue: str) -> None:
    first = api.submit("sleep", {"seconds": 0}, queue=queue, delay=3600)
    last = api.submit("sleep", {"seconds": 0}, queue=queue, after=[first, first.id])
    other = api.submit("sleep", {"seconds": 0}, after=first, on_failure="run")
    last.refresh()
    assert (last.data.after, last.data.on_failure) == ((first.id,), "cancel")
    first.cancel()
    assert other.wait(timeout=30).result() == {"slept": 0}
    last.refresh()
    assert last.data.error
    assert (last.status, last.data.error.type) == ("canceled", "PredecessorFailed")
    fed = api.submit("collect", {"label": "fed"}, input_from=other)
    assert fed.wait(timeout=30).result() == ["fed", {"slept": 0}]
    assert (fed.data.after, fed.data.input) == ((other.id,), {"from": other.id})


def test_one_job_at_a_time_has_a_unique_key(api: Client, queue: str) -> None:
    key = f"sync:{uuid4()}"
    job = api.submit("sleep", {"seconds": 60}, queue=queue, unique_key=key, delay=3600)
    with pytest.raises(ApiError, match=job.id) as caught:
        api.submit("sleep", {"seconds": 60}, queue=queue, unique_key=key)
    assert (caught.value.code, caught.value.job_id) == ("unique_key_held", job.id)
    same = api.submit("sleep", {"seconds": 60}, unique_key=key, if_exists="return")
    assert (same.id, same.data.existing, job.data.existing) == (job.id, True, False)
    new = api.submit(
        "sleep", {"seconds": 0}, delay=60, unique_key=key, unique="final", if_exists="replace"
    )
    job.refresh()
    new.refresh()
    assert (job.status, new.data.unique_key, new.data.unique) == ("canceled", key, "final")
    new.cancel()


def test_a_job_has_limits_of_its_own_and_they_can_be_changed(api: Client) -> None:
    limits: Options = {"memory_bytes": 2**27, "max_output_bytes": 0, "nice": 10}
    limits |= {"cpu_seconds": timedelta(minutes=5), "delay": 60}
    job = api.submit("sleep", {"seconds": 0}, **limits)
    job.refresh()
    data = job.data
    found = (data.memory_bytes, data.cpu_seconds, data.max_output_bytes, data.nice)
    assert found == (2**27, 300, 0, 10)
    assert job.change(memory_bytes=None, cpu_seconds=7).data.cpu_seconds == 7
    assert job.data.memory_bytes is None
    job.cancel()


def test_jobs_with_a_concurrency_key_run_one_after_the_other(api: Client) -> None:
    key = f"customer:{uuid4()}"
    payload = {"seconds": 0.05}
    jobs = [api.submit("sleep", payload, concurrency_key=key, max_per_key=1) for _ in range(3)]
    assert api.wait_all(jobs, 20)
    assert (jobs[0].data.concurrency_key, jobs[0].data.max_per_key) == (key, 1)
    for job, following in pairwise(jobs):
        ended_at, started_at = job.data.finished_at, following.data.started_at
        assert ended_at
        assert started_at
        assert ended_at <= started_at


def test_several_files_are_analyzed_together(api: Client, tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(LOG)
    pipe = io.BufferedReader(io.BytesIO(LOG))
    pipe.seekable = lambda: False  # type: ignore[method-assign]
    job = api.analyze([str(path), ("second.log", LOG), ("third.log", pipe)], ["ERROR"])
    result = job.result(20)
    assert result["counts"] == {"ERROR": 6}
    assert [each["name"] for each in result["members"]] == ["app.log", "second.log", "third.log"]
    assert job.data.upload is not None
    assert job.data.upload.name == "app.log and 2 more.zip"


def test_a_refused_upload_ends_early(api: Client) -> None:
    seen = [0]
    with pytest.raises(ApiError) as caught:
        api.analyze(
            bytes(64 * 1024**2),
            ["ERROR"],
            histogram="century",
            on_progress=lambda sent, size: seen.append(sent),
        )
    assert (caught.value.status, caught.value.field) == (422, "payload.histogram")
    assert seen[-1] < 64 * 1024**2


def test_a_failed_job_raises_its_error(api: Client, tmp_path: Path, service: Service) -> None:
    job = api.submit("hopeless", {"notes": str(service.folder / "notes")})
    with pytest.raises(JobFailed, match="it will never work") as caught:
        job.result(20)
    assert caught.value.job.id == job.id
    assert caught.value.error is not None
    assert caught.value.error.type == "NotRetryable"


def test_a_canceled_job_raises(api: Client) -> None:
    job = api.submit("sleep", {"seconds": 600})
    assert job.cancel().status == "canceled"
    assert job.cancel().status == "canceled"
    with pytest.raises(JobCanceled, match="was canceled"):
        job.result(20)


def test_a_wait_ends_in_time(api: Client, queue: str) -> None:
    job = api.submit("sleep", {"seconds": 0}, queue=queue)
    for timeout in (0, 0.05):
        with pytest.raises(WaitTimeout, match="is still queued after") as caught:
            job.wait(timeout)
        assert [each.id for each in caught.value.jobs] == [job.id]


def test_a_job_is_retried_and_deleted(api: Client, queue: str) -> None:
    job = api.submit("sleep", {"seconds": 0}, queue=queue)
    with pytest.raises(ApiError) as caught:
        job.retry()
    assert caught.value.code == "job_queued"
    job.cancel()
    assert job.retry().status == "queued"
    assert job.data.client_retries == 1
    job.cancel()
    job.delete()
    with pytest.raises(ApiError):
        job.refresh()


def test_a_job_explains_why_it_waits(api: Client, queue: str) -> None:
    job = api.submit("sleep", {"seconds": 0}, queue=queue)
    assert "queue_paused" in [reason["code"] for reason in job.explain()["reasons"]]


@pytest.mark.heavy
def test_a_list_has_all_pages(api: Client, queue: str) -> None:
    jobs = [api.submit("sleep", {"seconds": number}, queue=queue).id for number in range(105)]
    assert [job.id for job in api.list(queue=queue)] == jobs[::-1]
    assert [job.id for job in api.list(queue=queue, limit=3)] == jobs[:-4:-1]
    assert len(list(api.list(queue=queue, limit=102))) == 102
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    assert len(list(api.list(queue=queue, created_after=hour_ago))) == 105
    assert list(api.list(queue=queue, created_before=hour_ago)) == []
    assert list(api.list(queue=queue, status=["failed", "canceled"])) == []


def test_many_jobs_are_waited_for(api: Client) -> None:
    jobs = [api.submit("sleep", {"seconds": 0.001 * number}) for number in range(5)]
    ids = [job.id for job in jobs]
    assert [job.data.result["slept"] for job in api.wait_all(jobs, 20)] == [
        0.001 * number for number in range(5)
    ]
    assert [job.status for job in api.wait_all(ids, 20)] == ["succeeded"] * 5
    assert api.wait_all([]) == []


def test_jobs_are_given_as_they_end(api: Client, queue: str) -> None:
    waits = api.submit("sleep", {"seconds": 0}, queue=queue)
    ends = api.submit("sleep", {"seconds": 0})
    found = []
    for job in api.as_completed([waits, ends], 20):
        found.append(job.id)
        if job.id == ends.id:
            waits.cancel()
    assert found == [ends.id, waits.id]


def test_waiting_for_many_jobs_ends_in_time(api: Client, queue: str) -> None:
    job = api.submit("sleep", {"seconds": 0}, queue=queue)
    with pytest.raises(WaitTimeout, match="1 of 1 job is not final") as caught:
        api.wait_all([job], 0.05)
    assert caught.value.job.id == job.id
    ended = api.submit("sleep", {"seconds": 0}, wait=20)
    found: list[str] = []
    with pytest.raises(WaitTimeout, match="1 of 2 jobs are not final"):
        found.extend(each.id for each in api.as_completed([job, ended], 0.3))
    assert found == [ended.id]
    with pytest.raises(ApiError, match="there is no job"):
        api.wait_all([job.id, str(uuid4())], 20)


def test_many_jobs_are_canceled_and_retried(api: Client, queue: str) -> None:
    for number in range(3):
        api.submit("sleep", {"seconds": number}, queue=queue)
    counted = api.cancel_all(queue=queue, dry_run=True)
    assert (counted.matched, counted.changed, counted.dry_run) == (3, 0, True)
    assert api.cancel_all(queue=queue, status="queued").changed == 3
    assert api.retry_all(queue=queue).changed == 3
    with pytest.raises(ValueError, match="all=True"):
        api.cancel_all()
    assert api.cancel_all(all=True, dry_run=True).matched >= 3


def test_queues_are_made_changed_and_deleted(api: Client) -> None:
    name = f"q-{uuid4().hex[:8]}"
    made = api.put_queue(name, max_running=2, only_new=True)
    assert (made.name, made.max_running, made.paused) == (name, 2, False)
    assert api.change_queue(name, paused=True).paused
    assert api.change_queue(name, max_running=None).max_running is None
    assert api.queue(name).paused_at is not None
    assert name in [queue.name for queue in api.queues()]
    api.delete_queue(name)
    with pytest.raises(ApiError) as caught:
        api.queue(name)
    assert caught.value.code == "queue_not_found"


def test_pattern_sets_are_saved_used_and_deleted(api: Client) -> None:
    name = f"s-{uuid4().hex[:8]}"
    patterns: list[Any] = ["ERROR", {"name": "slow", "pattern": "took [0-9]+", "regex": True}]
    made = api.put_pattern_set(name, patterns, "my own", only_new=True)
    assert (made.name, made.pattern_count, made.version) == (name, 2, 1)
    assert (made.description, made.patterns, made.built_in) == ("my own", tuple(patterns), False)
    assert made.created_at is not None
    with pytest.raises(ApiError) as caught:
        api.put_pattern_set(name, ["x"], only_new=True)
    assert caught.value.code == "precondition_failed"
    assert api.pattern_set(name) == made
    job = api.analyze(b"ERROR took 5\n", ["took"], pattern_sets=[name])
    assert job.result()["counts"] == {"took": 1, "ERROR": 1, "slow": 1}
    assert api.put_pattern_set(name, ["x"]).version == 2
    listed = {each.name: each for each in api.pattern_sets()}
    assert (listed[name].pattern_count, listed[name].patterns) == (1, None)
    assert listed["nginx"].built_in
    api.delete_pattern_set(name)
    with pytest.raises(ApiError) as caught:
        api.pattern_set(name)
    assert caught.value.code == "pattern_set_not_found"


def test_output_is_read_line_by_line(api: Client) -> None:
    job = api.submit("talk", {"lines": 3, "then": "return"})
    lines = ["line 0\n", "line 1\n", "line 2\n"]
    assert list(job.logs(follow=True)) == lines
    assert list(job.logs()) == lines
    assert list(job.logs(attempt=1)) == lines
    assert list(job.logs(follow=True, attempt=1)) == lines
    with pytest.raises(ApiError) as caught:
        list(job.logs(attempt=2))
    assert caught.value.code == "attempt_not_found"


def test_log_entries_have_a_level_fields_and_a_traceback(api: Client) -> None:
    job = api.submit("talk", {"lines": 1, "then": "log"})
    followed = list(job.log_entries(follow=True))
    assert list(job.log_entries()) == followed
    printed, info, warning, error = followed
    assert (printed.stream, printed.level, printed.text) == ("stdout", None, "line 0\n")
    assert (info.stream, info.level, info.logger) == ("log", "info", "job")
    assert (warning.message, warning.fields) == ("no date\nin a row", {"row": 17})
    assert (error.fields, error.level) == ({"self": "x"}, "error")
    assert error.traceback is not None
    assert error.traceback.startswith("Traceback (most recent call last):\n")
    assert all(each.time and each.time.year >= 2024 for each in followed)
    assert "".join(each.text for each in followed) == "".join(job.logs())
    for follow in (False, True):
        assert list(job.log_entries(follow, level="warning")) == [warning, error]
        assert list(job.log_entries(follow, stream="stdout")) == [printed]
        assert "".join(job.logs(follow, level="error")) == error.text


@pytest.mark.heavy
def test_output_of_several_attempts_is_followed(api: Client) -> None:
    job = api.submit("talk", {"lines": 1, "then": "crash"}, max_retries=1)
    followed = list(job.logs(follow=True))
    assert [line for line in followed if line.startswith("line")] == ["line 0\n"] * 2
    job.wait(20)
    first = list(job.logs(follow=True, attempt=1))
    assert [line for line in first if line.startswith("line")] == ["line 0\n"]


def test_events_of_a_job_are_followed_and_replayed(api: Client) -> None:
    job = api.submit("sleep", {"seconds": 0.01})
    events = list(job.events(last_event_id=0))
    statuses = [event.status for event in events if event.name == "status"]
    assert statuses == ["queued", "running", "succeeded"]
    assert (events[-1].name, events[-1].status) == ("end", "succeeded")
    assert job.status == "succeeded"
    later = list(job.events(last_event_id=events[0].id))
    assert later == events[1:]
    assert list(job.events(last_event_id=events[-1].id)) == []


def test_events_of_all_jobs_are_filtered(api: Client, queue: str) -> None:
    job = api.submit("sleep", {"seconds": 0}, queue=queue)
    job.cancel()
    events = api.events(queue=queue, status="canceled", last_event_id=0)
    event = next(events)
    assert (event.job_id, event.name, event.status) == (job.id, "status", "canceled")
    events.close()  # type: ignore[attr-defined]


def test_the_service_describes_itself(api: Client) -> None:
    assert api.health()["status"] == "ready"
    assert api.session()["role"] == "admin"
    assert api.types()["analyze"]["upload"] == "required"
    assert api.overview()["slots"] == 4
    assert str(api.url).startswith("http://127.0.0.1:")


def test_lines_of_a_file_are_read_page_by_page(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobservice.requests.analyses.MAX_LINES", 3)
    words = ["INFO", *["ERROR"] * 4]
    content = "".join(f"2026-11-25T10:00:{n:02}Z {words[n % 5]} {n}\n" for n in range(60))
    job = api.analyze(("app.log", content.encode()), ["ERROR"])
    assert [each.line for each in job.lines()] == list(range(1, 61))
    found = list(job.lines("error", ignore_case=True, regex="1$", before=1, limit=2, from_="-30s"))
    assert [(each.line, each.context) for each in found] == [
        *((31, True), (32, False), (41, True), (42, False)),
    ]
    assert found[1].text == content.splitlines()[31]
    assert found[1].time == datetime(2026, 11, 25, 10, 0, 31, tzinfo=UTC)
    assert [found[1].text[start:end] for start, end in found[1].matches] == ["ERROR", "1"]
    since = datetime(2026, 11, 25, 10, 0, 58, tzinfo=UTC)
    assert [each.line for each in job.lines(from_=since)] == [59, 60]


def test_lines_come_as_whole_records(api: Client) -> None:
    log = b"2026-11-25 10:00:00 a\nValueError: b\n2026-11-25 10:00:01 b\n2026-11-25 10:00:02 b\n"
    job = api.analyze(("app.log", log), ["b"])
    found = list(job.lines("b", records="multi_line", limit=2))
    assert [(each.line, each.continues) for each in found] == [(1, False), (2, True), (3, False)]
    assert [each.line for each in job.lines("b", limit=2)] == [2, 3]


def test_lines_of_an_archive_name_their_member(api: Client) -> None:
    job = api.analyze([("a.log", b"one\ntwo\n"), ("b.log", b"three\n")], ["o"])
    found = [(each.line, each.member, each.member_line, each.text) for each in job.lines()]
    assert found == [
        *((1, "a.log", 1, "one"), (2, "a.log", 2, "two"), (3, "b.log", 1, "three")),
    ]
    (line,) = job.lines(member="b.log")
    assert (line.line, line.text) == (1, "three")


def test_a_damaged_file_is_reported_after_its_last_line(api: Client) -> None:
    lines = "".join(f"line {number}\n" for number in range(5000)).encode()
    stored = gzip.compress(lines)
    job = api.analyze(("app.log.gz", stored[: len(stored) // 2]), ["ERROR"])
    lines_of_job = iter(job.lines())
    assert [next(lines_of_job).text for _ in range(2)] == ["line 0", "line 1"]
    with pytest.raises(FileDamaged, match="cut short"):
        list(lines_of_job)


def test_a_retry_takes_along_what_was_canceled_because_of_the_job(api: Client, queue: str) -> None:
    first = api.submit("sleep", {"seconds": 0}, queue=queue)
    second = api.submit("sleep", {"seconds": 0}, queue=queue, after=[first])
    first.cancel()
    assert second.wait(10).status == "canceled"
    assert [job.id for job in api.list(after=first.id)] == [second.id]
    assert api.retry_all(status="canceled", after=first.id, dry_run=True).matched == 1
    first.retry(downstream=True)
    assert {first.refresh().status, second.refresh().status} == {"queued"}
    assert second.cancel().status == "canceled"
