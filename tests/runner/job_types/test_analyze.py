"""The job type `analyze`, called without a service."""

import gzip
from pathlib import Path

import pytest

from runner.job_types import base
from runner.job_types.analyze import Analyze
from runner.job_types.analyze_payload import AnalyzePayload
from runner.job_types.base import Context, NotRetryable, UploadFile


def test_a_file_that_expands_to_too_many_bytes_fails_its_job_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MAX_DATA_BYTES", 1000)

    def analyze(count: int) -> dict[str, int]:
        content = gzip.compress(b"x" * count)
        (tmp_path / "stored").write_bytes(content)
        upload = UploadFile(tmp_path / "stored", "app.log", len(content))
        payload = AnalyzePayload.model_validate({"patterns": ["x"]})
        counts: dict[str, int] = Analyze().run(payload, Context("1", 1, upload, print))["counts"]
        return counts

    with pytest.raises(NotRetryable, match=r"app\.log: the data is more than 1000 bytes"):
        analyze(1001)
    assert analyze(1000) == {"x": 1000}
