"""The size of the result of an analysis, whatever the file contains."""

import json
from pathlib import Path
from typing import Any

import pytest

from loganalysis.scan import result_json as module
from loganalysis.scan.result_json import shorten
from tests.support.loganalysis.memory import measure


def size_of(report: dict[str, Any]) -> int:
    return len(json.dumps(report, ensure_ascii=False, separators=(",", ":")).encode())


def report(samples: int = 0, values: int = 0, text: str = "x" * 1000) -> dict[str, Any]:
    """A result with samples as objects, and values of fields."""
    sample = {"line": 1, "time": None, "text": text, "before": [text], "after": [text]}
    top = [{"value": text[:256], "count": 1, "error": 0} for _ in range(values)]
    return {
        "counts": {"a": 1},
        "samples": {"a": [dict(sample) for _ in range(samples)]},
        "fields": {"f": {"count": values, "top": top}},
        "warnings": [],
    }


def test_a_result_of_exactly_the_limit_is_not_cut() -> None:
    found = report(samples=9, values=9)
    shorten(found, size_of(found) + len(found))
    assert found == report(samples=9, values=9)


def test_a_result_one_byte_above_the_limit_is_cut_and_says_so() -> None:
    found, limit = report(samples=9, values=9), size_of(report(samples=9, values=9))
    shorten(found, limit - 100)
    (warning,) = found["warnings"]
    assert warning["code"] == "result_cut"
    assert "samples are cut" in warning["message"]
    texts = [line for each in found["samples"]["a"] for line in (each["text"], *each["before"])]
    assert set(texts) == {"x" * 512 + "…"}
    assert len(found["fields"]["f"]["top"]) == 9


def test_the_larger_part_is_cut_first_and_no_more_than_needed() -> None:
    found = report(samples=2, values=1000)
    shorten(found, 200_000)
    assert found["samples"] == report(samples=2)["samples"]
    assert len(found["fields"]["f"]["top"]) == 512
    assert found["warnings"][0]["message"].endswith("fields are cut")


@pytest.mark.parametrize("text", ["\x02" * 1000, "\N{REPLACEMENT CHARACTER}" * 1000, '"\\' * 500])
def test_texts_that_become_longer_in_json_are_cut(text: str) -> None:
    found = report(samples=200, values=200, text=text)
    shorten(found, 100_000)
    assert size_of(found) <= 100_000


def test_samples_that_are_texts_are_cut() -> None:
    found: dict[str, Any] = {"samples": {"a": ["x" * 1000, "y"]}, "warnings": []}
    shorten(found, 900)
    assert found["samples"]["a"] == ["x" * 512 + "…", "y"]


def test_without_anything_to_cut_a_result_stays() -> None:
    found = {"counts": {str(number): 1 for number in range(1000)}, "warnings": []}
    shorten(found, 10)
    assert len(found["counts"]) == 1000


@pytest.mark.heavy
def test_no_analysis_fails_because_its_result_is_too_large(tmp_path: Path) -> None:
    """Texts of control characters, which take six bytes each, with all that can be asked for."""
    file, keys = tmp_path / "log", [f"key{number:03}x" for number in range(200)]
    filler = "\x02" * 900
    with file.open("w") as target:
        for number in range(8000):
            named = " ".join(keys[(number * 4 + each) % 200] for each in range(4))
            time = f"2026-11-{1 + number // 320:02} 01:02:03"
            target.write(f"{time} k={number}{filler} {named}\n")
    measured = measure(
        file,
        {
            "patterns": keys,
            **{"samples": 20, "context": 5, "histogram": "auto", "overview": True, "top": 1000},
            "fields": [{"name": f"f{n}", "regex": "k=([0-9]+[^ ]*)"} for n in range(4)],
        },
    )
    assert measured.error is None
    assert module.MAX_BYTES // 3 < measured.result <= module.MAX_BYTES + 1000
