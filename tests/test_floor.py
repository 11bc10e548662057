"""Versions below which others have found holes, and what is left switched off."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = {
    "tornado": (6, 6, 1),  # holes in multipart, headers and cookies, found in 2025 and 2026
    "multipart": (2, 0, 1),
}


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


@pytest.mark.parametrize("name", FLOORS)
def test_no_version_with_known_holes_is_installed_or_pinned(name: str) -> None:
    assert numbers(version(name)) >= FLOORS[name]
    pinned = re.findall(rf"^{name}==(.+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert [numbers(text) >= FLOORS[name] for text in pinned] == [True]


def test_bodies_are_not_decompressed_and_reasons_are_not_made_of_text() -> None:
    sources = {path: path.read_text() for path in (ROOT / "server").rglob("*.py")}
    made = [str(path) for path, text in sources.items() if re.search(r"\breason=", text)]
    assert made == []
    assert "decompress_request=False" in sources[ROOT / "server" / "listener.py"]
    assert not any("decompress_request=True" in text for text in sources.values())
