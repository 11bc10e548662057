"""The command `jobservice`, for a service that all tests of a file share."""

from pathlib import Path

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service


@pytest.fixture
def jobs(service: Service, tmp_path: Path) -> JobsCommand:
    """The command `jobservice`, for the service of this file, in an empty folder."""
    return JobsCommand(service.base_url, tmp_path)
