"""`GET /audit`, and what the calls of the API record."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest

from server.api import audit
from storage.audit.log import AuditLog
from storage.audit.record import entry_id
from storage.db.models_audit import AuditRow
from storage.records.audit import AuditFilters
from storage.records.job import StoreUnavailable
from tests.support.api import Client, fields, listener_client, read
from tests.support.callers import API_TOKENS, bearer, token
from tests.support.programs import running_service
from tests.support.stores import Bench, id_at
from tests.support.waiting import wait_for

SLEEP = {"type": "sleep", "payload": {"seconds": 5}}
JSON = {"Content-Type": "application/json"}
LINES = {"Accept": "application/jsonl"}
EVERY_CALL = (
    ("PUT", "/queues/gpu", {"max_running": 2}, "put queue"),
    ("PATCH", "/queues/gpu", {"paused": True}, "change queue"),
    ("DELETE", "/queues/gpu", None, "delete queue"),
    ("PUT", "/pattern-sets/mine", {"patterns": ["x"]}, "put pattern set"),
    ("DELETE", "/pattern-sets/mine", None, "delete pattern set"),
    ("PUT", "/schedules/s", {**SLEEP, "every": 3600, "paused": True}, "put schedule"),
    ("PATCH", "/schedules/s", {"paused": False}, "put schedule"),
    ("POST", "/schedules/s/run", None, "run schedule"),
    ("DELETE", "/schedules/s", None, "delete schedule"),
    ("PATCH", "/jobs/ID", {"priority": 2}, "change"),
    ("POST", "/jobs/ID/cancel", None, "cancel"),
    ("POST", "/jobs/ID/retry", None, "retry"),
    ("POST", "/jobs/cancel", {"type": "sleep"}, "cancel many"),
    ("POST", "/jobs/retry", {"type": "sleep"}, "retry many"),
    ("POST", "/jobs/batch", [SLEEP], "submit batch"),
    ("POST", "/jobs/cancel", {"all": True}, "cancel many"),
    ("DELETE", "/jobs/ID", None, "delete"),
)


async def send(client: Client, method: str, path: str, document: Any, caller: str | None) -> Any:
    """Send a request, which must succeed; returns its document."""
    body = b"" if document is None else json.dumps(document).encode()
    content = {"body": body} if method != "DELETE" else {}
    headers = {**(JSON if document is not None else {}), **bearer(caller)}
    response = await client.fetch(path, method=method, headers=headers, **content)
    assert response.code < 300, (method, path, response.body)
    return json.loads(response.body or b"null")


async def entries(client: Client, query: str = "", caller: str | None = None) -> list[Any]:
    """The entries that a query selects, the newest first, without the first uses of tokens."""
    document = await client.get(f"/audit{query}", headers=bearer(caller))
    return [each for each in document["items"] if each["action"] != "use token"]


@pytest.mark.gen_test
async def test_each_change_is_recorded_with_its_caller_and_address(bench: Bench) -> None:
    async with listener_client(bench, api_tokens=API_TOKENS) as client:
        job_id = (await send(client, "POST", "/jobs", SLEEP, "ann"))["job_id"]
        assert await entries(client, caller="ada") == []
        for method, path, document, action in EVERY_CALL:
            await send(client, method, path.replace("ID", job_id), document, "ada")
            entry = (await entries(client, "?limit=3", "ada"))[0]
            assert entry in await entries(
                client, f"?kind={quote(entry['kind'])}&action={quote(action)}", "ada"
            )
            assert (entry["action"], entry["caller"], entry["address"]) == (
                action,
                "ada",
                "127.0.0.1",
            ), path
        of_job = await entries(client, f"?subject={job_id.upper()}", "ada")
        names = ["delete", "cancel", "retry", "cancel", "retry", "cancel", "change"]
        assert [each["action"] for each in of_job if each["kind"] == "job"] == names


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_only_admins_may_read_the_log(bench: Bench) -> None:
    async with listener_client(bench, api_tokens=API_TOKENS) as client:
        for caller, status in (("rob", 403), ("ann", 403), (None, 401)):
            for method in ("GET", "HEAD"):
                response = await client.fetch("/audit", method=method, headers=bearer(caller))
                assert response.code == status


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_the_setting_says_what_is_recorded(bench: Bench) -> None:
    for setting, actions in (
        ("off", []),
        ("changes", ["cancel"]),
        ("all", ["cancel", "submit", "cancel"]),
    ):
        async with listener_client(bench, audit=setting) as client:
            job_id = (await send(client, "POST", "/jobs", SLEEP, None))["job_id"]
            await send(client, "POST", f"/jobs/{job_id}/cancel", None, None)
            assert [each["action"] for each in await entries(client)] == actions


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_pages_follow_each_other_and_filters_select(client: Client) -> None:
    for number in range(5):
        await send(client, "PUT", f"/queues/q{number}", {}, None)
    first = await client.get("/audit?limit=3")
    assert [each["subject"] for each in first["items"]] == ["q4", "q3", "q2"]
    second = await client.get(f"/audit?limit=3&cursor={first['next']}")
    assert [each["subject"] for each in second["items"]] == ["q1", "q0"]
    assert second["next"] is None
    assert [each["subject"] for each in await entries(client, "?subject=q3&kind=queue")] == ["q3"]
    assert await entries(client, "?action=delete+queue") == []
    assert await entries(client, "?since=2900-01-01") == []
    assert len(await entries(client, "?since=99999d")) == 5
    assert await entries(client, "?before=99999d") == []
    assert await entries(client, "?before=2000-01-01") == []
    assert await entries(client, "?caller=ann") == []


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_all_entries_can_be_exported_as_json_lines(client: Client) -> None:
    for number in range(5):
        await send(client, "PUT", f"/queues/q{number}", {}, None)
    with patch.object(audit, "PIECE", 2):
        response = await client.fetch("/audit?action=put+queue&limit=1", headers=LINES)
    assert response.headers["Content-Type"] == "application/jsonl; charset=utf-8"
    lines = [json.loads(line) for line in response.body.splitlines()]
    assert lines == await entries(client)
    assert len(lines) == 5
    head = await client.fetch("/audit", method="HEAD", headers=LINES)
    assert (head.code, head.body) == (200, b"")


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_wrong_parameters_are_named(client: Client) -> None:
    for query, name in (
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("since=yesterday", "since"),
        ("since=1w", "since"),
        ("cursor=x", "cursor"),
        ("subject=", "subject"),
        ("job=1", "job"),
    ):
        assert fields(read(await client.fetch(f"/audit?{query}"), 422)) == [name]


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_actions_and_kinds_that_are_never_recorded_are_refused(client: Client) -> None:
    for query, name, meant in (
        ("action=canceled", "action", "did you mean cancel?"),
        ("action=put", "action", "put queue"),
        ("kind=jobss", "kind", "did you mean jobs?"),
    ):
        document = read(await client.fetch(f"/audit?{query}"), 422)
        assert fields(document) == [name]
        assert meant in document["errors"][0]["detail"]


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_entries_of_a_later_release_are_shown(client: Client, bench: Bench) -> None:
    values = {"id": entry_id(1), "at": 1, "action": "put quota", "kind": "quota", "subject": "x"}
    bench.store.database.run(AuditRow.insert(**values))
    (entry,) = await entries(client)
    assert (entry["action"], entry["kind"]) == ("put quota", "quota")


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_refused_changes_are_not_recorded(client: Client) -> None:
    missing = id_at(1)
    for method, path in (
        ("POST", f"/jobs/{missing}/cancel"),
        ("DELETE", f"/jobs/{missing}"),
        ("DELETE", "/queues/none"),
        ("DELETE", "/queues/default"),
        ("DELETE", "/schedules/none"),
    ):
        body = {"body": b""} if method == "POST" else {}
        assert (await client.fetch(path, method=method, **body)).code >= 400
    assert await entries(client) == []


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_sign_ins_and_the_first_use_of_a_token_from_an_address_are_recorded(
    bench: Bench,
) -> None:
    for setting in ("changes", "off"):
        async with listener_client(bench, api_tokens=API_TOKENS, audit=setting) as client:
            for name in ("rob", "rob", "ann"):
                await client.get("/jobs", headers=bearer(name))
            document = {"token": token("sue")}
            headers = {**JSON, "Sec-Fetch-Site": "same-origin"}
            body = json.dumps(document).encode()
            signed = await client.fetch("/session", method="POST", headers=headers, body=body)
            assert read(signed, 200)["name"] == "sue"
            wrong = json.dumps({"token": "jst_none-0123456789"}).encode()
            await client.fetch("/session", method="POST", headers=headers, body=wrong)
    async with listener_client(bench, api_tokens=API_TOKENS) as client:  # it stores what was noted
        await client.get("/jobs", headers=bearer("rob"))
    found = bench.store.audit.page(AuditFilters(), 10)
    shown = [(each.caller, each.action, each.kind, each.subject) for each in found]
    assert sorted(shown) == [
        ("ann", "use token", "token", "ann"),
        ("rob", "use token", "token", "rob"),
        ("sue", "sign in", "caller", "sue"),
    ]
    assert {each.address for each in found} == {"127.0.0.1"}


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_a_sign_in_needs_no_store(bench: Bench) -> None:
    async with listener_client(bench, api_tokens=API_TOKENS) as client:
        headers = {**JSON, "Sec-Fetch-Site": "same-origin"}
        body = json.dumps({"token": token("sue")}).encode()
        with patch.object(AuditLog, "record", side_effect=StoreUnavailable("no")):
            signed = await client.fetch("/session", method="POST", headers=headers, body=body)
    assert read(signed, 200)["name"] == "sue"


@pytest.mark.heavy
@pytest.mark.sqlite
def test_a_worker_deletes_entries_that_were_kept_long_enough(
    database_url: str, tmp_path: Path
) -> None:
    with running_service(database_url, tmp_path) as running:
        assert running.call("PUT", "/queues/gpu", {})[0] == 201
        running.worker()
        (kept,) = running.call("GET", "/audit")[1]["items"]
        assert kept["subject"] == "gpu"
        running.worker(AUDIT_KEEP_SECONDS="0.001")
        wait_for(lambda: running.call("GET", "/audit")[1]["items"] == [], 50)
