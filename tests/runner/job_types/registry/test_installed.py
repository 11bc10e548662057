"""Job types that installed packages offer by entry points."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.job_types.registry.loader import PACKAGES, find
from tests.support.type_folder import forgotten_modules, job_type

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a package: its name, its entry points, and the texts of its modules."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(name: str, points: str, **modules: str) -> None:
        info = tmp_path / f"{name}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[job_service.types]\n{points}\n")
        for module, text in modules.items():
            (tmp_path / f"{module}.py").write_text(text)

    with forgotten_modules():
        yield install


def test_the_module_of_an_entry_point_is_found_once(install: Install) -> None:
    install(
        "pictures",
        "resize = pictures_types\ncrop = pictures_types:Crop",
        pictures_types=job_type("a"),
    )
    types = find([*PACKAGES, "installed:*"])
    assert (list(types), types.broken) == (["analyze", "sleep", "a"], [])
    origin = types.origins["a"]
    assert (origin.kind, origin.version, origin.file) == ("installed", "1.5", "pictures_types")
    assert types.packages == [*PACKAGES, "installed:pictures_types 1.5"]
    assert find(types.packages).origins == types.origins


def test_an_installed_module_that_does_not_work_is_reported(install: Install) -> None:
    install(
        "bad", "x = bad_types\ny = no_such_module", bad_types="import os\nraise ValueError(7)\n"
    )
    install("good", "x = good_types", good_types=job_type("a"))
    types = find([*PACKAGES, "installed:*"])
    assert list(types) == ["analyze", "sleep", "a"]
    assert [(each.origin, each.place, each.reason) for each in types.broken] == [
        ("installed", "bad_types:2", "ValueError: 7 (in bad_types.py)"),
        ("installed", "no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ]
