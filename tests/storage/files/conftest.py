"""Fixtures of the tests of stored files."""

from pathlib import Path

import pytest

from tests.support.disk.upload_stores import BucketBackend, FolderBackend, UploadBackend
from tests.support.servers.s3 import Bucket


@pytest.fixture(params=["folder", "bucket"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> UploadBackend:
    """Upload storage in a folder, and once more in a bucket."""
    if request.param == "folder":
        return FolderBackend(tmp_path / "uploads")
    bucket: Bucket = request.getfixturevalue("bucket")
    return BucketBackend(bucket)
