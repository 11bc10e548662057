"""Fixtures for tests of the doctor."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from admin.doctor.findings.subject import Subject

MakeSubject = Callable[..., Subject]


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[MakeSubject]:
    """Makes subjects from settings, in a DATA_DIR of their own; closes them at the end."""
    made = list[Subject]()

    def make(thorough: bool = False, **environ: str) -> Subject:
        made.append(Subject({"DATA_DIR": str(tmp_path / "data"), "PORT": "0", **environ}, thorough))
        return made[-1]

    yield make
    for each in made:
        each.close()
