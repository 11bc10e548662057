"""Errors of fields: all of a request at once, named as the client wrote them."""

import json
from typing import Any

import pytest

from tests.support.api import FILE, Client, analyze_form, fields

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite]
ANALYZE: list[Any] = [("type", None, b"analyze"), ("payload", None, b'{"patterns": ["ERROR"]}')]


def errors(problem: dict[str, Any]) -> dict[str, str]:
    """The code of each field's error."""
    return {error["field"]: error["code"] for error in problem["errors"]}


async def test_options_payload_and_file_are_checked_together(client: Client) -> None:
    document = {
        **{"type": "analyze", "payload": {"patterns": ["a", 5], "sampels": 1}, "max_retrys": 1},
        **{"priority": 1000, "callback_url": "http://a/", "run_at": "2030-01-01", "delay": 1},
    }
    problem = await client.post("/jobs", document, status=422)
    assert errors(problem) == {
        **{"priority": "out_of_range", "max_retrys": "unknown", "callback_url": "invalid"},
        **{"delay": "invalid", "payload.patterns[1]": "invalid", "payload.sampels": "unknown"},
        "filename": "missing",
    }
    details = {error["field"]: error["detail"] for error in problem["errors"]}
    assert "did you mean max_retries?" in details["max_retrys"]
    assert "did you mean samples?" in details["payload.sampels"]
    assert problem["detail"].startswith("priority: it must be at most 100; ")


@pytest.mark.parametrize("size", [1, 20_000])
async def test_a_queue_that_does_not_exist_is_reported_with_other_errors(
    client: Client, size: int
) -> None:
    payload = {"seconds": "x" * size}
    document = {"type": "sleep", "payload": payload, "queue": "missing"}
    problem = await client.post("/jobs", document, status=422)
    assert errors(problem) == {"payload.seconds": "wrong_type", "queue": "unknown"}
    problem = await client.post("/jobs", {**document, "queue": "default"}, status=422)
    assert errors(problem) == {"payload.seconds": "wrong_type"}
    parts: list[Any] = [("type", None, b"sleep"), ("payload", None, b"{")]
    parts.append(("queue", None, b"missing"))
    problem = await client.post_form(parts, status=400)
    assert errors(problem) == {"payload": "malformed", "queue": "unknown"}


@pytest.mark.heavy
async def test_all_invalid_regexes_are_reported_in_plain_words(client: Client) -> None:
    texts = ["(", "fine", "a(?=b)", "(?<!a)b", r"(a)\1", "a)b(c"]
    patterns = [{"pattern": text, "regex": True} for text in texts]
    document = {"type": "analyze", "payload": {"patterns": patterns}}
    problem = await client.post("/jobs", document, status=422)
    found = {error["field"]: error["detail"] for error in problem["errors"]}
    assert list(found)[:-1] == [f"payload.patterns[{index}]" for index in (0, 2, 3, 4, 5)]
    assert "( is not closed" in found["payload.patterns[0]"]
    assert found["payload.patterns[2]"].endswith('(RE2), at character 2 of "a(?=b)"')
    assert "look-behind is not supported (RE2)" in found["payload.patterns[3]"]
    assert "back-references are not supported (RE2)" in found["payload.patterns[4]"]
    assert ") closes nothing" in found["payload.patterns[5]"]
    assert "(?m)" not in json.dumps(problem)


async def test_a_job_type_that_is_nearly_right_is_suggested(client: Client) -> None:
    problem = await client.post("/jobs", {"type": "analyse", "payload": {}}, status=422)
    assert "did you mean analyze?" in problem["detail"]


@pytest.mark.parametrize("slow", [False, True])
async def test_malformed_json_has_line_and_column(client: Client, slow: bool) -> None:
    headers = {"Content-Type": "application/json", **({"X-Plain": "no"} if slow else {})}
    body = b'{"type": "sleep",\n "payload": {,}}'
    response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    (error,) = json.loads(response.body)["errors"]
    assert (error["field"], error["code"]) == ("body", "malformed")
    assert (error["line"], error["column"]) == (2, 14)


async def test_values_that_json_may_not_hold_are_named(client: Client) -> None:
    problem = await client.post("/jobs", b'{"payload": {"a": [1, NaN]}}', status=400)
    assert errors(problem) == {"payload.a[1]": "malformed"}


async def test_a_form_reports_unreadable_and_invalid_fields_together(client: Client) -> None:
    parts = [
        *[("type", None, b"analyze"), ("payload", None, b"{"), ("priority", None, b"high")],
        *[("timeout", None, b"-5"), ("queue", None, b"\xff"), ("colour", None, b"red")],
        ("filename", "a", b"x"),
    ]
    problem = await client.post_form(parts, status=400)
    assert problem["code"] == "malformed_json"
    assert errors(problem) == {
        **{"payload": "malformed", "priority": "malformed", "timeout": "out_of_range"},
        **{"queue": "malformed", "colour": "unknown"},
    }


async def test_an_unknown_form_field_comes_with_a_suggestion(client: Client) -> None:
    parts = [*analyze_form(), ("max-retries", None, b"1"), ("max-retries", None, b"1" * 10**6)]
    problem = await client.post_form(parts, status=422)
    assert fields(problem) == ["max-retries", "max-retries"]
    assert "did you mean max_retries?" in problem["detail"]


async def test_a_file_part_may_be_named_file(client: Client) -> None:
    job_id = (await client.post_form([*ANALYZE, ("file", "app.log", FILE)]))["job_id"]
    upload = (await client.get(f"/jobs/{job_id}"))["upload"]
    assert (upload["name"], upload["size"]) == ("app.log", len(FILE))


async def test_a_wrong_file_part_is_named_as_the_client_named_it(client: Client) -> None:
    file = ("file", "a", b"x")
    sleep: list[Any] = [("type", None, b"sleep"), ("payload", None, b'{"seconds": 1}')]
    assert fields(await client.post_form([*sleep, file], status=422)) == ["file"]
    assert fields(await client.post_form([*ANALYZE, ("file", None, b"x")], status=422)) == [
        *("file", "filename")
    ]
    both = [*ANALYZE, ("filename", "a", b"x"), file]
    assert fields(await client.post_form(both, status=422)) == ["file"]


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("parameter", "name"),
    [
        (b"filename*=UTF-8''na%C3%AFve%20%e2%82%ac.log", "na\u00efve \u20ac.log"),
        (b"filename*=utf-8'en'a.log", "a.log"),
        (b"filename*=iso-8859-1''na%EFve.log", "na\u00efve.log"),
        (b"filename=plain; filename*=UTF-8''better.log", "better.log"),
        (b"filename*=UTF-8''better.log; filename=plain", "better.log"),
        (b"filename=plain; filename*=KOI8-R''x", "plain"),
        (b"filename=plain; filename*=broken", "plain"),
        (b"filename*=UTF-8''%FF%2", "\ufffd%2"),
        (b"filename*=UTF-8''..%2F..%2Fetc%2Fpasswd%00", "passwd"),
        (b'filename="na\xefve.log"', "na\u00efve.log"),
        ('filename="na\u00efve.log"'.encode(), "na\u00efve.log"),
        (b'filename="\xe2\x82"', "\u00e2"),
        (b'filename=""', "unnamed"),
        (b"filename=\xff", "\u00ff"),
    ],
)
async def test_file_names_are_read_in_all_their_forms(
    client: Client, parameter: bytes, name: str
) -> None:
    head = b'Content-Disposition: form-data; name="filename"; ' + parameter
    body = (
        b'--c\r\nContent-Disposition: form-data; name="type"\r\n\r\nanalyze\r\n'
        b'--c\r\nContent-Disposition: form-data; name="payload"\r\n\r\n{"patterns": ["a"]}\r\n'
        b"--c\r\n" + head + b"\r\n\r\nx\r\n--c--\r\n"
    )
    kind = {"Content-Type": "multipart/form-data; boundary=c"}
    response = await client.fetch("/jobs", method="POST", body=body, headers=kind)
    assert response.code == 202, response.body
    job = await client.get(f"/jobs/{json.loads(response.body)['job_id']}")
    assert job["upload"]["name"] == name


@pytest.mark.parametrize("byte", [0, 9, 11, 13, 34, 39, 59, 92, 127, 128, 255])
async def test_odd_bytes_in_the_head_of_a_part_are_never_an_internal_error(
    client: Client, byte: int
) -> None:
    odd = bytes([byte])
    for head in (b'name="%s"', b'name="filename"; filename="%s"', b"name=filename; filename*=%s"):
        body = b"--c\r\nContent-Disposition: form-data; " + head % odd + b"\r\n\r\nx\r\n--c--\r\n"
        kind = {"Content-Type": "multipart/form-data; boundary=c"}
        response = await client.fetch("/jobs", method="POST", body=body, headers=kind)
        assert response.code in (400, 422)


async def test_query_parameters_and_bodies_of_other_calls_have_codes(client: Client) -> None:
    problem = await client.get("/jobs?limit=x&status=failed,nope&created_after=5", status=422)
    assert errors(problem) == {
        **{"status": "not_allowed", "created_after": "invalid", "limit": "wrong_type"}
    }
    problem = await client.post("/jobs/cancel", {"stauts": "failed", "all": 1}, status=422)
    assert errors(problem) == {"stauts": "unknown", "all": "wrong_type"}
    assert "did you mean status?" in problem["detail"]
