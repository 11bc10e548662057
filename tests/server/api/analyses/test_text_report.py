"""The result of an analysis as text."""

from typing import Any

from server.api.analyses.text_report import analysis_report

JOB: dict[str, Any] = {"job_id": "1", "status": "succeeded", "canceled_by": None, "error": None}
BASE = {"bytes": 1234567, "file": {"seconds": 1.2345}, "warnings": []}


def lines(result: dict[str, Any]) -> list[str]:
    """The lines of the report about a result, without the address of the job."""
    status, text = analysis_report({**JOB, "result": {**BASE, **result}}, "http://here")
    assert status == 200
    *shown, empty, url = text.splitlines()
    assert (empty, url) == ("", "http://here/jobs/1")
    return shown


def test_columns_are_aligned_also_with_wide_characters() -> None:
    counts = {"日本": 1, "e\u0301": 16, "c" * 50: 0}
    numbers = {name: count or None for name, count in counts.items()}
    found = {"counts": counts, "matching_lines": counts, "lines": 1000}
    shown = lines({**found, "first_line": numbers, "last_line": numbers})
    assert shown == [
        f"pattern{' ' * 33}  count  lines  first  last",
        f"日本{' ' * 36}      1      1      1     1  █▎",
        f"e\u0301{' ' * 39}     16     16     16    16  ████████████████████",
        f"{'c' * 39}…      0      0      -     -",
        "",
        "1,000 lines, 1,234,567 bytes, 1.234 seconds",
    ]


def test_lines_are_left_out_if_they_were_not_counted() -> None:
    assert lines({"counts": {"a": 0}}) == [
        "pattern  count",
        "a            0",
        "",
        "1,234,567 bytes, 1.234 seconds",
    ]


def test_samples_and_histograms_follow_the_table() -> None:
    histogram = {"unit": "hour", "lines": [["2026-01-01T00:00:00Z", 1]], "undated_lines": 2000}
    shown = lines(
        {
            "counts": {"a": 1, "b": 0},
            "samples": {"a": ["one\ta"], "b": []},
            "histogram": {"a": histogram, "b": {"unit": "hour", "lines": [], "undated_lines": 0}},
        }
    )
    assert shown[3:-2] == [
        "",
        "samples of a:",
        "  one a",
        "",
        "lines with a, per hour:",
        "2026-01-01T00:00:00Z  1  ████████████████████",
        "  and 2,000 without a time",
        "",
        "lines with b, per hour:",
    ]


def test_samples_with_context_have_their_numbers_and_neighbours() -> None:
    sample = {"line": 7, "time": None, "text": "two\ta", "before": ["one"], "after": ["three"]}
    shown = lines({"counts": {"a": 1}, "samples": {"a": [sample]}})
    assert shown[3:-2] == ["samples of a:", "    one", "  7: two a", "    three"]


def test_a_timeline_is_shown_as_curves_with_a_character_for_one_or_two_bins() -> None:
    start = "2026-01-01T00:00:00.000Z"
    total, errors = [0, 1, 4, 8, 2000], [0, 0, 0, 1, 2]
    timeline = {"start": start, "bin_seconds": 300, "bins": 5, "total": total, "undated": 0}
    found = {"counts": {"a": 3}, "timeline": {**timeline, "patterns": {"a": errors}}}
    assert lines(found)[3:-2] == [
        f"lines over time from {start}, 300 seconds a character:",
        "all lines   ▁▁▁█  at most 2,000",
        "a             ▄█  at most 2",
    ]
    long = {**timeline, "bins": 101, "total": [1] * 101, "patterns": {"a": [0] * 101}}
    shown = lines({**found, "timeline": {**long, "undated": 7}})[3:-2]
    assert shown[0].endswith(", 600 seconds a character:")
    assert shown[1] == f"all lines  {'█' * 50}▄  at most 2"
    assert shown[2:] == [f"a          {' ' * 51}  at most 0", "and 7 lines before the first time"]
    outliers = {"patterns": {}, "before": 1, "after": 1200}
    shown = lines({**found, "timeline": {**timeline, **outliers}})
    assert "and, far away from these times, 1 line before and 1,200 after" in shown
    none = {**timeline, "start": None, "bins": 0, "total": [], "patterns": {"a": []}}
    assert lines({**found, "timeline": none})[3] == "no line has a time"


def test_a_file_cannot_control_the_terminal() -> None:
    shown = lines({"counts": {"\x1b[2J": 1}, "samples": {"\x1b[2J": ["\x1b]0;x\x07\r\n\u202e"]}})
    text = "\n".join(shown)
    assert text.replace("\n", "").isprintable()


def test_warnings_are_shown() -> None:
    shown = lines({"counts": {"a": 1}, "warnings": [{"code": "not_text", "message": "it is odd"}]})
    assert shown[-1] == "warning: it is odd"


def test_unfinished_jobs_show_their_progress() -> None:
    progress = {"bytes_done": 500, "bytes_total": 1000}
    job = {**JOB, "status": "running", "progress": progress}
    status, text = analysis_report(job, "http://here")
    assert (status, text.splitlines()[0]) == (202, "The job is running, 50 % are done. It goes on.")
    assert "explain" not in text
    status, text = analysis_report({"job_id": "1", "status": "queued"}, "http://here")
    assert (status, text.splitlines()[0]) == (202, "The job is queued. It goes on.")
    assert "curl 'http://here/jobs/1/explain'" in text


def test_a_canceled_job_names_who_canceled_it() -> None:
    job = {**JOB, "status": "canceled", "canceled_by": "ada"}
    assert analysis_report(job, "http://here") == (424, "canceled by ada\nhttp://here/jobs/1\n")


def test_members_of_an_archive_have_a_table() -> None:
    members = [
        {"name": "a.log", "counts": {"x": 3, "y": 1}, "error": None},
        {"name": "core", "counts": None, "error": {"code": "not_text", "message": "it is a core"}},
    ]
    archive = {"analyzed": 1002, "failed": 1}
    shown = lines({"counts": {"x": 3, "y": 1}, "members": members, "archive": archive})
    assert shown[3:-2] == [
        "",
        "member  count",
        "a.log       4  ████████████████████",
        "core        -",
        "and 1,001 more members",
    ]


def test_an_overview_has_tables_of_levels_templates_and_bursts() -> None:
    template = {"id": "t1", "template": "took <*> ms", "count": 3, "first_line": 1, "last_line": 9}
    burst = {"kind": "template", "key": "t1", "from": "A", "until": "B", "count": 12}
    overview = {
        **{"levels": {"ERROR": 2}, "statuses": {}, "templates": [{**template, "state": "burst"}]},
        **{"templates_total": 7, "templates_approximate": True},
        "bursts": [{**burst, "expected": 1.5}],
    }
    assert lines({"counts": {}, "overview": overview}) == [
        "level  lines",
        "ERROR      2  ████████████████████",
        "",
        "template     lines  first  last  state",
        "took <*> ms      3      1     9  burst  ████████████████████",
        "and 6 other templates",
        "templates are approximate: the lines have too many different texts",
        "",
        "bursts:",
        "  A to B: 12 lines instead of 1.5: took <*> ms",
        "",
        "1,234,567 bytes, 1.234 seconds",
    ]
