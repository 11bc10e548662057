"""Explanations of whole files: planted incidents are named, and other logs have none."""

import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.loganalysis.incidents import INCIDENT, INCIDENTS, START, first_cause, write_log
from loganalysis import RequestError, analyze, explain_range, read_request
from loganalysis.explain.fields import fields_that_explain

LINES = 12_000
BY_NAME = {incident[0]: incident for incident in INCIDENTS}


def explained(path: Path, **request: Any) -> Any:
    return analyze(path, read_request({"explain": True, **request}))


def log_with(tmp_path: Path, name: str, seed: int = 1) -> tuple[Path, tuple[str, ...]]:
    """A log with an incident, and the causes that are right."""
    _, style, change, accepted = BY_NAME[name]
    path = tmp_path / "app.log"
    write_log(path, random.Random(seed), style, LINES, change)
    return path, accepted


@pytest.mark.parametrize(
    "name", ["a client floods", "slow answers", "a host is silent", "a full disk", "restarts"]
)
def test_the_cause_of_an_incident_comes_first(tmp_path: Path, name: str) -> None:
    path, accepted = log_with(tmp_path, name)
    (explanation,) = explained(path)["overview"]["explanations"]
    assert any(each in first_cause(explanation) for each in accepted), explanation
    since = datetime.fromisoformat(explanation["from"]).timestamp() - START
    until = datetime.fromisoformat(explanation["until"]).timestamp() - START
    assert since < INCIDENT[1]
    assert until > INCIDENT[0]


@pytest.mark.parametrize("style", ["access", "json", "syslog"])
def test_a_log_without_an_incident_has_no_explanation(tmp_path: Path, style: str) -> None:
    path = tmp_path / "app.log"
    write_log(path, random.Random(7), style, LINES, None)
    assert explained(path)["overview"]["explanations"] == []


@pytest.mark.parametrize("seed", range(4))
def test_any_range_is_compared_as_a_count_of_its_lines_does(tmp_path: Path, seed: int) -> None:
    path, _ = log_with(tmp_path, "a route fails", seed)
    result, draw = explained(path), random.Random(seed)
    bins, seconds = result["timeline"]["bins"], result["timeline"]["bin_seconds"]
    first = draw.randrange(bins - 2)
    begin = datetime.fromisoformat(result["timeline"]["start"]).timestamp()
    since = begin + seconds * first
    until = begin + seconds * draw.randrange(first + 1, bins)
    found = explain_range(result, since, until)
    inside: dict[str, Counter[str]] = {"status": Counter(), "path": Counter(), "client": Counter()}
    outside: dict[str, Counter[str]] = {name: Counter() for name in inside}
    lines = others = 0
    for line in path.read_text().splitlines():
        client, _, _, day, zone, _, target, _, status, *_ = line.split(" ")
        at = datetime.strptime(f"{day} {zone}", "[%d/%b/%Y:%H:%M:%S %z]").astimezone(UTC)
        is_inside = since <= at.timestamp() < until
        lines, others = lines + is_inside, others + (not is_inside)
        for name, value in (("status", status), ("path", target), ("client", client)):
            (inside if is_inside else outside)[name][value] += 1
    assert found["lines"] == lines
    for cause in found["causes"]:
        if (name := cause["field"]) in inside:  # the counts make the difference rather smaller
            share = inside[name][cause["key"]] / lines
            other = outside[name][cause["key"]] / others
            low, high = sorted((share, other))
            assert low - 1e-6 <= min(cause["share_inside"], cause["share_outside"])
            assert max(cause["share_inside"], cause["share_outside"]) <= high + 1e-6


def test_what_came_first_and_what_stopped_are_told(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    with path.open("w") as file:
        for second in range(6000):
            at = datetime.fromtimestamp(START + second, UTC).strftime("%Y-%m-%dT%H:%M:%S.250Z")
            file.write(f"{at} INFO api: served request {second}\n")
            if second % 5 == 0 and second < 4000:
                file.write(f"{at} INFO db: checkpoint {second} written\n")
            if 4000 <= second < 4200:
                file.writelines(f"{at} ERROR db: connection refused to db-2\n" for _ in range(3))
    explanation = explained(path)["overview"]["explanations"][0]
    assert [each["template"] for each in explanation["first"]] == ["connection refused to <*>"]
    assert explanation["first"][0]["time"] == "2026-11-25T07:06:40.000Z"
    assert [each["template"] for each in explanation["stopped"]] == ["checkpoint <*> written"]
    assert (
        "first seen at 2026-11-25T07:06:40.000Z: connection refused to <*>"
        in (explanation["reasons"])
    )


def test_records_and_compressed_files_are_explained_alike(tmp_path: Path) -> None:
    import gzip

    path, _ = log_with(tmp_path, "a host fails")
    packed = tmp_path / "app.log.gz"
    packed.write_bytes(gzip.compress(path.read_bytes(), 1))
    plain = explained(path)["overview"]["explanations"]
    assert explained(packed)["overview"]["explanations"] == plain
    (of_records,) = explained(path, records="multi_line")["overview"]["explanations"]
    assert of_records["reasons"] == [
        each.replace(" lines", " records") for each in plain[0]["reasons"]
    ]


def test_a_file_without_times_has_no_explanation(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("no time\n" * 100)
    result = explained(path)
    assert result["overview"]["explanations"] == []
    with pytest.raises(ValueError, match="no time axis"):
        explain_range(result, 0, 1)


def test_a_range_outside_of_the_log_is_refused(tmp_path: Path) -> None:
    path, _ = log_with(tmp_path, "a canary")
    with pytest.raises(ValueError, match="no time in this range"):
        explain_range(explained(path), 0, 1)


def test_the_fields_that_a_client_names_are_compared_instead(tmp_path: Path) -> None:
    path, _ = log_with(tmp_path, "a route fails")
    result = explained(path, fields=["method"])
    assert list(result["fields"]) == ["method"]
    assert {
        each["field"] for one in result["overview"]["explanations"] for each in one["causes"]
    } <= {
        None,
        "method",
    }


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"patterns": ["a"], "explain": True}, "explain: it needs overview: true"),
        ({"explain": True, "lines": False}, "lines: explain and fields over time need lines: true"),
    ],
)
def test_explanations_need_an_overview_of_lines(request_: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        read_request(request_)


def test_identifiers_texts_and_measures_are_no_fields_that_explain() -> None:
    lines = [
        (
            f'{{"time":"2026-11-25T06:00:{number % 60:02}Z","level":"INFO","msg":"done {number}",'
            f'"id":"r{number}","host":"web-{number % 3}","load":0.{number:03},'
            f'"duration_ms":{number},"status":{(200, 404)[number % 9 == 0]},"zone":"eu"}}'
        ).encode()
        for number in range(200)
    ]
    assert fields_that_explain(lines, None) == ["status", "host", "zone", "duration_ms"]


def test_unknown_lines_have_no_fields_that_explain() -> None:
    assert fields_that_explain([b"hello", b"you", b"x" * 200], None) == []
