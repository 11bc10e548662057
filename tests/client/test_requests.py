import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobservice import requests

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)


def body(request: requests.Request) -> Any:
    assert request.body is not None
    return json.loads(request.body)


def test_a_submission_has_its_options_and_a_key() -> None:
    options = {"delay": timedelta(minutes=1), "timeout": 3.5, "run_at": NOON, "queue": None}
    request = requests.submit("sleep", {"seconds": 1}, options)
    assert (request.method, request.path, list(request.query)) == ("POST", "/jobs", [])
    assert request.headers["Content-Type"] == "application/json"
    assert body(request) == {
        "type": "sleep",
        "payload": {"seconds": 1},
        "delay": 60,
        "timeout": 3.5,
        "run_at": "2030-01-31T12:00:00+00:00",
    }


def test_each_submission_has_a_key_of_its_own_unless_one_is_given() -> None:
    keys = {requests.submit("sleep", None, {}).headers["Idempotency-Key"] for _ in range(100)}
    assert len(keys) == 100
    given = requests.submit("sleep", None, {}, key="order-7", file=b"x")
    assert given.headers["Idempotency-Key"] == "order-7"


def test_a_submission_with_a_file_is_a_form_with_texts_and_json() -> None:
    request = requests.submit(
        "analyze", {"patterns": ["Ä"]}, {"priority": 3, "queue": "gpu"}, file=("a.log", b"text")
    )
    assert request.form is not None
    content = b"".join(request.form.chunks()).decode()
    assert 'name="type"\r\n\r\nanalyze\r\n' in content
    assert '{"patterns": ["\\u00c4"]}' in content
    assert 'name="priority"\r\n\r\n3\r\n' in content
    assert 'name="queue"\r\n\r\ngpu\r\n' in content
    assert content.index('name="queue"') < content.index('filename="a.log"')


def test_a_wait_is_shortened_to_what_one_request_may_take() -> None:
    request = requests.submit("sleep", None, {}, wait=100)
    assert (list(request.query), request.wait) == ([("wait", "30")], 30)
    assert list(requests.get_job("a", 0.25).query) == [("wait", "0.25")]
    assert list(requests.get_job("a", -1).query) == []
    assert list(requests.get_jobs(["a", "b"], 2).query) == [
        ("id", "a"),
        ("id", "b"),
        ("wait", "2"),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_retry": 1}, "submit does not take max_retry: did you mean max_retries?"),
        ({"zone": 1}, "submit does not take zone: known are max_retries, max_losses, timeout"),
    ],
)
def test_an_unknown_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        requests.submit("sleep", None, options)
    assert str(caught.value).startswith(message)


def test_a_time_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="run_at has no time zone"):
        requests.submit("sleep", None, {"run_at": datetime(2030, 1, 31)})  # noqa: DTZ001


def test_waits_before_retries_may_be_timedeltas() -> None:
    second = timedelta(seconds=1)
    for given, sent in (
        (second, 1),
        ([second, 10], [1, 10]),
        ({"base": second, "factor": 2}, {"base": 1, "factor": 2}),
    ):
        assert body(requests.submit("sleep", None, {"backoff": given}))["backoff"] == sent
        batch = requests.submit_batch([{"type": "sleep", "backoff": given}])
        assert body(batch)["backoff"] == sent
        put = requests.put_schedule("a", "sleep", None, {"every": 60}, {"backoff": given})
        assert body(put)["options"] == {"backoff": sent}


@pytest.mark.parametrize("file", [None, b"text"])
def test_what_cannot_be_json_is_named(file: bytes | None) -> None:
    loop: list[Any] = []
    loop.append(loop)
    for payload, message, kind in (
        ({"seconds": float("nan")}, "payload.seconds: nan cannot be JSON", ValueError),
        ({"a": [1, io.BytesIO]}, "payload.a[1]: <class '_io.BytesIO'> cannot be", TypeError),
        ({"a": {(1, 2): 3}}, "payload.a: the key (1, 2) cannot be JSON", TypeError),
        ({"a": loop}, "payload.a[0]: a value that contains itself cannot be JSON", ValueError),
    ):
        with pytest.raises(kind, match=re.escape(message)):
            requests.submit("sleep", payload, {}, file=file)
    with pytest.raises(TypeError, match=re.escape("metadata.a: {1} cannot be JSON")):
        requests.submit("sleep", None, {"metadata": {"a": {1}}}, file=file)


def test_the_wrong_job_of_a_batch_is_named() -> None:
    right = {"type": "sleep"}
    wrong = {**right, "metadata": {"a": {1}}}
    with pytest.raises(TypeError, match=re.escape("job 1: metadata.a: {1} cannot be JSON")):
        requests.submit_batch([right, wrong])
    with pytest.raises(TypeError, match=re.escape("job 1: metadata.a: {1} cannot be JSON")):
        requests.submit_batch([right, wrong], then=right)
    with pytest.raises(TypeError, match=re.escape("then: metadata.a: {1} cannot be JSON")):
        requests.submit_batch([right], then=wrong)
    both = body(requests.submit_batch([right, right], then=right))
    assert both == {"jobs": [{**right, "payload": {}}] * 2, "then": {**right, "payload": {}}}
    with pytest.raises(ValueError, match="job 1: run_at has no time zone"):
        requests.submit_batch([right, {**right, "run_at": datetime(2030, 1, 31)}])  # noqa: DTZ001
    for one in (right, "sleep"):
        with pytest.raises(TypeError, match="jobs is a list of dicts, not "):
            requests.submit_batch(one)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("type", "payload", "message"),
    [
        ("sleep", 3, "the payload is a dict such as {'seconds': 3}, not 3"),
        ("sleep", [1], "the payload is a dict"),
        (print, None, "a job type is named by a text such as 'sleep', not by a function"),
    ],
)
def test_what_is_no_submission_is_named(type: Any, payload: Any, message: str) -> None:
    with pytest.raises(TypeError, match=re.escape(message)):
        requests.submit(type, payload, {})


def test_filters_become_a_query() -> None:
    filters = {"status": ["failed", "canceled"], "created_after": NOON, "text": "a&b", "type": None}
    assert list(requests.list_jobs(filters, 100, "next").query) == [
        ("status", "failed"),
        ("status", "canceled"),
        ("created_after", "2030-01-31T12:00:00+00:00"),
        ("text", "a&b"),
        ("limit", "100"),
        ("cursor", "next"),
    ]
    with pytest.raises(TypeError, match="did you mean status"):
        requests.list_jobs({"state": "failed"}, 100, None)


def test_a_bulk_change_needs_a_filter_or_all() -> None:
    chosen = requests.change_jobs(
        "cancel", {"status": "queued"}, every=False, dry_run=True, cursor=None
    )
    assert body(chosen) == {"status": ["queued"], "dry_run": True}
    every = requests.change_jobs("retry", {}, every=True, dry_run=False, cursor="next")
    assert body(every) == {"all": True, "dry_run": False, "cursor": "next"}
    with pytest.raises(ValueError, match="all=True"):
        requests.change_jobs("cancel", {"type": None}, every=False, dry_run=False, cursor=None)


def test_names_become_one_segment_of_a_path() -> None:
    assert requests.job_path("a/../b?c") == "/jobs/a%2F..%2Fb%3Fc"
    assert requests.queue_path("gpu.2") == "/queues/gpu.2"
    for name in ("", ".", ".."):
        with pytest.raises(ValueError, match="is not a name"):
            requests.queue_path(name)
    for path, what in (
        (requests.job_path, "a job"),
        (requests.queue_path, "a queue"),
        (requests.schedule_path, "a schedule"),
        (requests.pattern_set_path, "a pattern set"),
        (requests.cancel_batch, "a batch"),
    ):
        with pytest.raises(TypeError, match=f"{what} is named by a text, not by 5"):
            path(5)  # type: ignore[arg-type]


def test_patterns_of_an_analysis() -> None:
    payload = requests.analyze_payload(["ERROR", {"pattern": "x", "word": True}], regexes=["a+"])
    assert payload == {
        "patterns": ["ERROR", {"pattern": "x", "word": True}, {"pattern": "a+", "regex": True}]
    }
    payload = requests.analyze_payload(
        ["ERROR", {"pattern": "x", "ignore_case": False}],
        ignore_case=True,
        samples=3,
        histogram="hour",
        lines=False,
        encoding="utf-16",
        members=["*.log"],
    )
    assert payload == {
        "patterns": [
            {"pattern": "ERROR", "ignore_case": True},
            {"pattern": "x", "ignore_case": False},
        ],
        "samples": 3,
        "histogram": "hour",
        "lines": False,
        "encoding": "utf-16",
        "members": ["*.log"],
    }
    assert requests.analyze_payload() == {}
    assert requests.analyze_payload(["a"], overview=True) == {"patterns": ["a"], "overview": True}
    combined = {"name": "x", "all": ["a", {"pattern": "b", "ignore_case": False}], "none": ["c"]}
    assert requests.analyze_payload([combined])["patterns"] == [combined]
    ignoring = [{"pattern": "a", "ignore_case": True}, {"pattern": "b", "ignore_case": False}]
    assert requests.analyze_payload([combined], ignore_case=True)["patterns"] == [
        {"name": "x", "all": ignoring, "none": [{"pattern": "c", "ignore_case": True}]}
    ]
    with pytest.raises(TypeError, match="not one text"):
        requests.analyze_payload("ERROR")
    with pytest.raises(TypeError, match="not one text"):
        requests.analyze_payload(["ERROR"], members="*.log")
    with pytest.raises(TypeError, match="pattern_sets is a list"):
        requests.analyze_payload(pattern_sets="nginx")
    with pytest.raises(TypeError, match="patterns is a list"):
        requests.put_pattern_set("mine", "ERROR")
    assert requests.analyze_payload(pattern_sets=["nginx"]) == {"pattern_sets": ["nginx"]}


def test_a_queue_is_changed_by_known_settings_only() -> None:
    assert body(requests.change_queue("gpu", {"max_running": None})) == {"max_running": None}
    with pytest.raises(TypeError, match="did you mean paused"):
        requests.change_queue("gpu", {"pause": True})
