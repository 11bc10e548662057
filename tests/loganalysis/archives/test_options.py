"""All options of the job type give the same for an archive as for its members in one file."""

import json
from pathlib import Path
from typing import Any

import pytest

from runner.job_types.registry.loader import load
from tests.support.loganalysis.archives import COMPRESS, tar_of, zip_of

EARLY = b"".join(
    b"2026-11-25 10:%02d:%02d ERROR user %d denied\n  by rule %d\n"
    % (n // 60, n % 60, n % 90, n % 7)
    for n in range(1000)
)
LATE = b"".join(
    b"2026-11-25 11:%02d:%02d INFO user %d came\n" % (n // 60, n % 60, n % 40) for n in range(1500)
)
FILES = {"early.log": EARLY, "late.log": LATE}
ARCHIVES = {
    "zip": zip_of(FILES),
    "tar": tar_of(FILES),
    "tar.zst": COMPRESS["tar.zst"](tar_of(FILES)),
    "compressed members": tar_of({name: COMPRESS["tar.xz"](d) for name, d in FILES.items()}),
}
PAYLOADS: dict[str, dict[str, Any]] = {
    "overview": {},
    "timeline and samples": {
        "patterns": ["ERROR", "user 7"],
        "histogram": "auto",
        "samples": 5,
        "context": 0,
    },
    "relative times": {"patterns": ["INFO", "ERROR"], "from": "-1h", "samples": 3},
    "times": {
        "patterns": ["INFO", "ERROR"],
        "from": "2026-11-25T10:10:00Z",
        "until": "2026-11-25T11:10:00Z",
        "histogram": "minute",
    },
    "fields": {
        "patterns": ["ERROR"],
        "fields": [{"name": "user", "regex": r"user (?P<user>\d+)"}],
    },
}


def run(folder: Path, content: bytes, payload: dict[str, Any]) -> dict[str, Any]:
    """The result of a job, without what depends on the file or on the speed."""
    path = folder / "file"
    path.write_bytes(content)
    upload = {"path": str(path), "name": "file", "size": len(content)}
    request = {"job_id": "1", "attempt": 1, "type": "analyze", "upload": upload, "cores": 1}
    text = load()(json.dumps({**request, "payload": payload}), lambda progress: None)
    result: dict[str, Any] = json.loads(text)
    about = result.pop("file")
    result["time_span"] = about["time_span"]
    return result


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
@pytest.mark.parametrize("content", ARCHIVES.values(), ids=ARCHIVES)
def test_an_archive_has_the_result_of_its_members_in_one_file(
    tmp_path: Path, content: bytes, payload: dict[str, Any]
) -> None:
    found = run(tmp_path, content, payload)
    assert len(found.pop("members")) == found.pop("archive")["analyzed"] == 2
    assert found == run(tmp_path, EARLY + LATE, payload)


def test_the_context_of_a_sample_does_not_cross_members(tmp_path: Path) -> None:
    payload = {"patterns": ["last", "first"], "samples": 1, "context": 2}
    found = run(tmp_path, tar_of({"1": b"a\nlast\n", "2": b"first\nb\n"}), payload)
    (last,), (first,) = found["samples"]["last"], found["samples"]["first"]
    assert (last["line"], last["before"], last["after"]) == (2, ["a"], [])
    assert (first["line"], first["before"], first["after"]) == (3, [], ["b"])
