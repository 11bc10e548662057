"""The texts of findings lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT

SOURCES = sorted((ROOT / "admin" / "doctor").rglob("*.py"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_page_that_a_finding_names_has_that_heading(source: Path) -> None:
    text = re.sub(r'"\n\s+f?"', "", source.read_text())
    for page, anchor in re.findall(r"(docs/[a-z0-9-]+\.md)(?:#([a-z0-9-]+))?", text):
        content = (ROOT / page).read_text()
        headings = re.findall(r"^#+ (.*)$", content, re.MULTILINE)
        anchors = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
        assert not anchor or anchor in anchors, f"{page} has no heading {anchor}"


def test_every_check_is_explained_in_the_page() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text()
    names = set[str]()
    for source in (ROOT / "admin" / "doctor" / "checks").glob("*.py"):
        names |= set(
            re.findall(r"^[A-Z]+(?:, [A-Z]+)* = (\".*\")$", source.read_text(), re.MULTILINE)
        )
    found = {name for text in names for name in re.findall(r'"([a-z_]+)"', text)}
    assert {"settings", "counters", "orphans"} <= found
    assert {name for name in found if f"| `{name}` |" not in page} == set()
