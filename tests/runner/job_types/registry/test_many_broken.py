"""Five hundred job types that do not work: one line each, and the others run."""

from pathlib import Path

import pytest

from runner.job_types.registry.loader import PACKAGES, find
from tests.support.type_folder import BROKEN, forgotten_modules, job_type

COUNT = 500
SLOW = {"kills_its_parent", "leaves_a_thread", "loop_one", "loop_two"}
"""The first one takes a new process each time, the second one is waited for, and the other two need
each other's names."""


@pytest.mark.heavy
def test_five_hundred_broken_job_types_have_one_line_each(tmp_path: Path) -> None:
    folder = tmp_path / "types_of_five_hundred"
    folder.mkdir()
    texts = [text for name, (text, *_) in BROKEN.items() if name not in SLOW]
    for number in range(COUNT):
        (folder / f"broken_{number:03}.py").write_text(texts[number % len(texts)])
    (folder / "works.py").write_text(job_type("works"))
    with forgotten_modules():
        types = find([*PACKAGES, f"folder:{folder}"])
    assert list(types) == ["analyze", "sleep", "works"]
    assert sorted(broken.file for broken in types.broken) == [
        f"broken_{number:03}.py" for number in range(COUNT)
    ]
    assert all("\n" not in broken.text and broken.remedy for broken in types.broken)
