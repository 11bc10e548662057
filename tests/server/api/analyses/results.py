"""Results of analyses for tests: with all that a result may have."""

from typing import Any

BINS = [0, 3, 0, 5]
PLAIN: dict[str, Any] = {
    "counts": {"ERROR": 8, "<b>WARN</b>": 1},
    "matching_lines": {"ERROR": 8, "<b>WARN</b>": 1},
    "first_line": {"ERROR": 2, "<b>WARN</b>": 7},
    "last_line": {"ERROR": 900, "<b>WARN</b>": 7},
    "lines": 12_000,
    "bytes": 600_000,
    "file": {
        "format": "gzip",
        "stored_bytes": 50_000,
        "encoding": "utf-8",
        "time_span": ["2030-01-31T00:00:00Z", "2030-01-31T04:00:00Z"],
        "seconds": 0.01,
        "line_index": {"marks": "AAAA"},
    },
    "samples": {"ERROR": ["=1+1 ERROR", 'a "quoted", one'], "<b>WARN</b>": []},
    "histogram": {
        "ERROR": {
            "unit": "hour",
            "lines": [["2030-01-31T01:00:00.000Z", 3], ["2030-01-31T03:00:00.000Z", 5]],
            "undated_lines": 0,
        },
        "<b>WARN</b>": {
            "unit": "hour",
            "lines": [["2030-01-31T04:00:00.000Z", 1]],
            "undated_lines": 0,
        },
    },
    "warnings": [],
}
"""The result of an analysis with patterns."""
WHOLE: dict[str, Any] = {
    **PLAIN,
    "timeline": {
        "start": "2030-01-31T00:00:00Z",
        "bin_seconds": 3600,
        "bins": 4,
        "total": [3000] * 4,
        "patterns": {"ERROR": BINS, "<b>WARN</b>": [0, 0, 1, 0]},
        "undated": 0,
        "levels": {"ERROR": BINS, "INFO": [2990] * 4},
        "templates": {"t1": BINS},
    },
    "samples": {
        "ERROR": [
            {
                "line": 2,
                "time": "2030-01-31T01:00:00Z",
                "text": "ERROR <script>alert(1)</script>",
                "before": ["ok"],
                "after": [],
            }
        ]
    },
    "overview": {
        "format": {"name": "logback", "title": "logback", "share": 0.99},
        "levels": {"ERROR": 8, "INFO": 11_960},
        "statuses": {"5xx": 3},
        "templates": [
            {
                "id": "t1",
                "template": "disk <*> full",
                "count": 8,
                "first_line": 2,
                "last_line": 900,
                "first_time": None,
                "last_time": None,
                "sample": "disk 7 full",
                "level": "ERROR",
                "state": "burst",
            }
        ],
        "templates_total": 1,
        "bursts": [
            {
                "kind": "level",
                "key": "ERROR",
                "from": "2030-01-31T03:00:00Z",
                "until": "2030-01-31T04:00:00Z",
                "count": 5,
                "expected": 0.5,
            },
            {
                "kind": "template",
                "key": "t1",
                "from": "2030-01-31T03:00:00Z",
                "until": "2030-01-31T04:00:00Z",
                "count": 5,
                "expected": 0.5,
            },
        ],
    },
    "fields": {
        "host": {
            "count": 9,
            "distinct": 1,
            "top": [{"value": "10.0.0.1", "count": 9, "error": 0}],
            "number": None,
        },
        "ms": {
            "count": 9,
            "distinct": 9,
            "top": [],
            "number": {"count": 9, "min": 1, "mean": 4.5, "max": 9, "p50": 4, "p95": 9, "p99": 9},
            "over_time": {
                "count": [2, 0, 3, 4],
                "distinct": [2, 0, 3, 4],
                "distinct_error": 0.0,
                "p50": [1.5, None, 4.0, 9.0],
                "p95": [2.0, None, 5.0, 9.0],
                "p99": [2.0, None, 5.0, 9.0],
                "relative_error": 0.004,
                "top": [{"value": "9", "counts": [0, 0, 0, 4]}],
                "top_errors": [0, 0, 0, 0],
            },
        },
    },
    "members": [
        {"name": "a.log", "lines": 9, "bytes": 90, "error": None, "counts": {"ERROR": 8}},
        {
            "name": "b.log",
            "lines": None,
            "bytes": None,
            "error": {"code": "encrypted", "message": "it is encrypted"},
            "counts": None,
        },
    ],
    "warnings": [{"code": "not_text", "message": "it looks like UTF-16"}],
}
"""The result of an analysis with an overview and fields, too."""
JOB: dict[str, Any] = {
    "job_id": "01a2107d-08cc-73f5-a3eb-bdc8e70382e5",
    "type": "analyze",
    "status": "succeeded",
    "result": WHOLE,
    "finished_at": "2030-02-01T00:00:00.000Z",
    "submitted_by": "ada",
    "upload": {"name": "<img src=x>.log", "size": 50_000, "sha256": "0" * 64},
}
"""The document of a job with it."""
