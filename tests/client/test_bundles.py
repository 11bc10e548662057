"""Bundles: downloaded and replayed by either client. `test_replay.py` has a second service."""

import json
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jobservice import ApiError, BadBundle, Client
from jobservice.bundles import read_bundle

LOG = b"one ERROR\ntwo WARN\n"


def bundle_of(api: Client, folder: Path, job_id: str, files: bool = False) -> Path:
    """Download a bundle into a folder; returns its path."""
    done = api.files.download_bundle(job_id, folder, files=files)
    assert done.path == folder / f"{job_id}.bundle.zip"
    return done.path


@pytest.mark.heavy
def test_a_job_with_a_file_is_replayed_with_its_options(api: Client, tmp_path: Path) -> None:
    options: Any = {"priority": 3, "tags": ["x"], "metadata": {"a": 1}, "timeout": 60.0}
    first = api.analyze(("app.log", LOG), ["ERROR"], **options, unique_key=uuid4().hex)
    again = api.analyze(first, ["ERROR"], delay=600, **options)
    for job in (first, again):
        path = bundle_of(api, tmp_path, job.id, files=True)
        new = api.replay(path, wait=30)
        assert new.id != job.id
        data = new.data
        assert (data.status, (data.payload or {}).get("source")) == ("succeeded", None)
        assert data.result["counts"] == {"ERROR": 1}
        assert (data.priority, data.tags, data.metadata) == (3, ("x",), {"a": 1})
        assert (data.timeout, data.unique_key) == (60, None)
        assert data.upload is not None
        assert (data.upload.name, data.upload.size) == ("app.log", len(LOG))
    again.cancel()
    replaced = api.replay(path, priority=9, tags=["y"])
    assert (replaced.refresh().data.priority, replaced.data.tags) == (9, ("y",))


def test_a_bundle_without_the_file_says_how_to_get_one(api: Client, tmp_path: Path) -> None:
    job = api.analyze(LOG, ["ERROR"])
    path = bundle_of(api, tmp_path, job.id)
    with pytest.raises(BadBundle, match="jobservice bundle --files"):
        api.replay(path)


def test_a_job_without_a_file_needs_none(api: Client, tmp_path: Path) -> None:
    job = api.submit("sleep", {"seconds": 0}, wait=20)
    new = api.replay(bundle_of(api, tmp_path, job.id), wait=20)
    assert (new.status, new.data.payload) == ("succeeded", {"seconds": 0})


def archive(path: Path, **documents: Any) -> Path:
    """A zip archive of documents."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, document in documents.items():
            file.writestr(f"{name}.json", json.dumps(document))
    return path


def test_what_is_no_bundle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = tmp_path / "text"
    text.write_text("no archive")
    job = {"type": "sleep", "payload": {}}
    wrong = (
        text,
        archive(tmp_path / "empty"),
        archive(tmp_path / "no-job", bundle={"format": 1}),
        archive(tmp_path / "list", bundle=[], job=job),
        archive(tmp_path / "no-payload", bundle={"format": 1}, job={"type": "sleep"}),
        archive(tmp_path / "no-type", bundle={"format": 1}, job={"type": 1, "payload": {}}),
    )
    for path in wrong:
        with pytest.raises(BadBundle, match="not the bundle of a job"):
            read_bundle(path)
    with pytest.raises(BadBundle, match="has the format 2"):
        read_bundle(archive(tmp_path / "new", bundle={"format": 2}, job=job))
    right = archive(tmp_path / "right", bundle={"format": 1}, job=job)
    assert (read_bundle(right).payload, read_bundle(right).options) == ({}, {})
    monkeypatch.setattr("jobservice.bundles.MAX_DOCUMENT_BYTES", 10)
    with pytest.raises(BadBundle):
        read_bundle(right)
    with pytest.raises(FileNotFoundError):
        read_bundle(tmp_path / "none")


def test_the_bundle_of_an_unknown_job_is_an_error(api: Client, tmp_path: Path) -> None:
    with pytest.raises(ApiError) as caught:
        api.files.download_bundle("01a21054-ecc3-7788-9e49-c6d97d1c0c65", tmp_path)
    assert caught.value.code == "job_not_found"
    assert list(tmp_path.iterdir()) == []
