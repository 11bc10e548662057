"""The job type `analyze`: its payload, and its results for whole files of every kind."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from loganalysis.scan import ranges
from runner.job_types.analyze import Analyze
from runner.job_types.analyze_payload import AnalyzePayload
from runner.job_types.base import NotRetryable
from runner.job_types.registry.loader import load
from tests.support.loganalysis.archives import tar_of, zip_of

LOG = (
    b"2026-11-25T01:02:03Z ERROR disk full\n"
    b"2026-11-25T01:02:59Z WARN disk slow\n"
    b"no time ERROR ERR error\n"
    b"2026-11-25T01:03:00Z ERROR: err\r\n"
)
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A function that runs a job on a file with some content, and returns the result."""

    def run_job(content: bytes, cores: int = 1, **payload: Any) -> dict[str, Any]:
        path = tmp_path / "log"
        path.write_bytes(content)
        upload = {"path": str(path), "name": "app.log", "size": len(content)}
        request = {
            "job_id": "1",
            "attempt": 1,
            "type": "analyze",
            "payload": payload,
            "upload": upload,
            "cores": cores,
        }
        result: dict[str, Any] = json.loads(load()(json.dumps(request), reports.append))
        return result

    reports: list[str] = []
    run_job.reports = reports  # type: ignore[attr-defined]
    return run_job


def test_results_have_counts_and_lines_of_each_pattern_in_order(run: Run) -> None:
    result = run(LOG, patterns=["ERROR", "ERR", "none"])
    assert list(result["counts"].items()) == [("ERROR", 3), ("ERR", 4), ("none", 0)]
    assert result["matching_lines"] == {"ERROR": 3, "ERR": 3, "none": 0}
    assert result["first_line"] == {"ERROR": 1, "ERR": 1, "none": None}
    assert result["last_line"] == {"ERROR": 4, "ERR": 4, "none": None}
    assert (result["lines"], result["bytes"]) == (4, len(LOG))


def test_patterns_may_be_regexes_or_words_and_may_ignore_case(run: Run) -> None:
    patterns = [
        {"pattern": "err(or)?", "regex": True, "ignore_case": True, "name": "any"},
        {"pattern": "ERR", "word": True, "name": "word"},
        {"pattern": "error", "ignore_case": True},
    ]
    assert run(LOG, patterns=patterns)["counts"] == {"any": 6, "word": 1, "error": 4}


def test_samples_are_lines_without_line_ends(run: Run) -> None:
    result = run(LOG, patterns=["ERROR"], samples=5)
    assert result["samples"]["ERROR"][2] == "2026-11-25T01:03:00Z ERROR: err"
    assert len(run(LOG, patterns=["ERROR"], samples=1)["samples"]["ERROR"]) == 1


def test_a_histogram_counts_matching_lines_by_time(run: Run) -> None:
    histogram = run(LOG, patterns=["ERROR"], histogram="minute")["histogram"]["ERROR"]
    assert histogram == {
        "unit": "minute",
        "lines": [["2026-11-25T01:02:00.000Z", 1], ["2026-11-25T01:03:00.000Z", 1]],
        "undated_lines": 1,
    }


def test_the_result_describes_the_file(run: Run) -> None:
    content = gzip.compress(LOG + b"\xff\xfe\n")
    file = run(content, patterns=["ERROR"])["file"]
    assert (file["format"], file["stored_bytes"], file["encoding"]) == (
        "gzip",
        len(content),
        "utf-8",
    )
    assert (file["not_text"], file["first_not_text"]) == (2, len(LOG))
    assert file["time_span"] == ["2026-11-25T01:02:03.000Z", "2026-11-25T01:03:00.000Z"]
    assert file["bytes_per_second"] > 0


def test_without_lines_the_result_has_only_counts(run: Run) -> None:
    result = run(LOG, patterns=["ERROR"], lines=False)
    assert set(result) == {"counts", "bytes", "file", "warnings"}
    assert result["counts"] == {"ERROR": 3}


def test_an_empty_file_has_a_result_of_zeros(run: Run) -> None:
    result = run(b"", patterns=["a"], histogram="hour", samples=1)
    assert (result["counts"], result["lines"], result["bytes"]) == ({"a": 0}, 0, 0)
    assert result["file"]["time_span"] is None


@pytest.mark.heavy
@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_file_gives_the_same_result(
    run: Run, compress: Callable[[bytes], bytes]
) -> None:
    payload = {"patterns": ["ERROR", "disk"], "samples": 2, "histogram": "minute"}
    plain, packed = run(LOG * 5000, **payload), run(compress(LOG * 5000), **payload)
    assert packed.pop("file")["format"] != plain.pop("file")["format"]
    assert packed == plain


def test_a_file_that_is_split_into_ranges_gives_the_same_result(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = LOG * 3000 + b"\xff tail"
    payload = {"patterns": ["ERROR", "disk", "tail"], "samples": 20, "histogram": "second"}
    whole = run(content, **payload)
    monkeypatch.setattr(ranges, "MIN_BYTES", 1000)
    monkeypatch.setattr(ranges, "RANGE_BYTES", 50_001)
    cut = run(content, cores=2, **payload)
    for result in (whole, cut):
        for figure in ("seconds", "bytes_per_second", "line_index"):
            result["file"].pop(figure)
    assert cut == whole


def test_text_in_another_encoding_is_searched(run: Run) -> None:
    result = run("größe\nGRÖSSE\n".encode("utf-16"), patterns=["ß", "Ö"])
    assert result["counts"] == {"ß": 1, "Ö": 1}
    assert (result["file"]["encoding"], result["file"]["bom"]) == ("utf-16-le", True)
    latin = run("größe".encode("latin-1"), patterns=["ß"], encoding="iso-8859-1")
    assert latin["counts"] == {"ß": 1}


def test_a_damaged_file_is_an_error_with_an_offset_after_the_counts_so_far(run: Run) -> None:
    content = gzip.compress(LOG * 5000)[:-20]
    with pytest.raises(NotRetryable, match=r"app\.log: .*cut short \(at byte \d+ of the file"):
        run(content, patterns=["ERROR"])
    last = json.loads(run.reports[-1])  # type: ignore[attr-defined]
    assert last["counts"]["ERROR"] > 0


def test_progress_has_partial_counts(run: Run) -> None:
    run(LOG, patterns=["ERROR"])
    progress = json.loads(run.reports[-1])  # type: ignore[attr-defined]
    assert progress == {"bytes_done": len(LOG), "bytes_total": len(LOG), "counts": {"ERROR": 3}}


@pytest.mark.parametrize(
    ("payload", "place", "message"),
    [
        ({"patterns": []}, "patterns", "at least 1"),
        ({"patterns": ["x"] * 1001}, "patterns", "at most 1000"),
        ({"patterns": [""]}, "patterns.0.pattern", "at least 1"),
        ({"patterns": ["ok", 5]}, "patterns.1", "it must be a text, or an object"),
        ({"patterns": ["a", "b", "a"]}, "patterns.2", 'it has the same name as pattern 0: "a"'),
        ({"patterns": [{"pattern": "a(", "regex": True}]}, "patterns.0", 'at character 2 of "a("'),
        ({"patterns": [{"pattern": "a*", "regex": True}]}, "patterns.0", "it can match the empty"),
        ({"patterns": [{"pattern": "a", "regex": 1}]}, "patterns.0.regex", "boolean"),
        ({"patterns": [{"text": "a"}]}, "patterns.0.pattern", "required"),
        ({"patterns": ["a"], "samples": 21}, "samples", "20"),
        ({"patterns": ["a"], "histogram": "week"}, "histogram", "minute"),
        ({"patterns": ["a"], "encoding": "klingon"}, "encoding", "klingon"),
        ({"patterns": ["a"], "source": {"job_id": "x"}}, "source.job_id", "UUID"),
        ({"patterns": ["a"], "lines": False, "samples": 1}, "lines", "need lines"),
        ({"patterns": ["a"], "more": 1}, "more", "not permitted"),
    ],
)
def test_an_invalid_payload_is_refused_with_the_location_of_the_error(
    payload: dict[str, Any], place: str, message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        AnalyzePayload.model_validate(payload)
    error = caught.value.errors()[0]
    assert ".".join(map(str, error["loc"])) == place
    assert message.lower() in error["msg"].lower()


def test_all_invalid_patterns_are_reported_with_excerpts_of_their_texts() -> None:
    texts = ["(", "fine", "x" * 100 + "(?=y)" + "z" * 100, "a\nb)", "fine"]
    patterns = [{"pattern": text, "regex": True} for text in texts]
    with pytest.raises(ValidationError) as caught:
        AnalyzePayload.model_validate({"patterns": patterns})
    found = {error["loc"]: error["msg"] for error in caught.value.errors()}
    assert [index for _, index in found] == [0, 2, 3, 4]
    excerpt = f'at character 101 of "…{"x" * 30}(?=y){"z" * 25}…"'
    assert found["patterns", 2].endswith(f"look-ahead is not supported (RE2), {excerpt}")
    assert found["patterns", 3].endswith('at character 4 of "a b)"')


def test_an_overview_may_be_about_a_range_of_time() -> None:
    payload = AnalyzePayload.model_validate({"from": "-1h", "until": "-30m"})
    assert (payload.options().overview, payload.options().limits.are_given) == (True, True)


def test_a_combination_names_its_own_errors() -> None:
    patterns = [{"all": ["a"], "pattern": "b"}, {"none": ["a"]}, {"any": ["a"], "all": [""]}]
    with pytest.raises(ValidationError) as caught:
        AnalyzePayload.model_validate({"patterns": patterns})
    found = [(error["loc"], error["msg"].partition(", ")[2]) for error in caught.value.errors()]
    assert found[:2] == [
        (("patterns", 0), "pattern and its options go into the lists all, any and none"),
        (("patterns", 1), "a combination needs a text in all or any"),
    ]
    assert found[2][0] == ("patterns", 2, "all", 0, "pattern")


def test_a_wrong_pattern_does_not_hide_the_errors_of_the_others() -> None:
    regex = {"pattern": "(", "regex": True}
    patterns = ["a", 5, regex, {"patern": "x"}, "a", "ok"]
    with pytest.raises(ValidationError) as caught:
        AnalyzePayload.model_validate({"patterns": patterns, "samples": 21})
    places = [".".join(map(str, error["loc"])) for error in caught.value.errors()]
    assert places == [
        *("patterns.1", "patterns.3.pattern", "patterns.3.patern", "patterns.2", "patterns.4"),
        "samples",
    ]


def test_too_many_patterns_are_not_checked_one_by_one() -> None:
    with pytest.raises(ValidationError) as caught:
        AnalyzePayload.model_validate({"patterns": [{"pattern": "(", "regex": True}] * 1001})
    assert [error["type"] for error in caught.value.errors()] == ["too_long"]


def test_the_source_is_the_job_in_the_payload() -> None:
    job_id = "01a21054-ecc3-7788-9e49-c6d97d1c0c65"
    payload = AnalyzePayload.model_validate({"patterns": ["a"], "source": {"job_id": job_id}})
    assert str(Analyze().source(payload)) == job_id


def test_an_archive_fails_the_job_with_advice(run: Run) -> None:
    archive = b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24) + LOG
    for cores in (1, 2):
        with pytest.raises(NotRetryable, match=r"app\.log: this is a 7z archive, .*: unpack it"):
            run(archive, cores, patterns=["ERROR"])


def test_members_of_an_archive_are_analyzed_as_the_payload_selects_them(run: Run) -> None:
    archive = zip_of({"a.log": LOG, "b.txt": LOG})
    result = run(archive, patterns=["ERROR"], members=["*.log"])
    assert result["counts"] == {"ERROR": 3}
    assert [each["name"] for each in result["members"]] == ["a.log"]
    assert json.loads(run.reports[-1])["members_done"] == 1  # type: ignore[attr-defined]
    assert run(archive, patterns=["ERROR"])["counts"] == {"ERROR": 6}
    with pytest.raises(NotRetryable, match=r"app\.log: no member .* matches x\*; it has a\.log"):
        run(archive, patterns=["ERROR"], members=["x*"])


def test_a_damaged_archive_fails_the_job_with_the_counts_so_far(run: Run) -> None:
    archive = tar_of({"a.log": LOG, "b.log": LOG})
    with pytest.raises(NotRetryable, match=r"app\.log: .* cut short .*at byte 4096"):
        run(archive[:4096], patterns=["ERROR"])
    assert json.loads(run.reports[-1])["counts"] == {"ERROR": 6}  # type: ignore[attr-defined]


@pytest.mark.parametrize("members", ["*.log", [""], [1], ["x"] * 101, ["x" * 1001], None])
def test_globs_for_members_are_checked(members: Any) -> None:
    with pytest.raises(ValidationError, match="members"):
        AnalyzePayload.model_validate({"patterns": ["a"], "members": members})


def test_a_result_has_warnings(run: Run) -> None:
    assert run(LOG, patterns=["ERROR"])["warnings"] == []
    assert run(bytes(5000), patterns=["ERROR"])["warnings"][0]["code"] == "not_text"
