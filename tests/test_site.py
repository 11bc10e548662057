"""The pages of the site, before Zensical reads them: `make site` builds and checks the rest."""

import json
import re
from pathlib import Path

import pytest

from server.http.codes import Code
from storage.records.release import RELEASE
from tests.support.paths import ROOT
from tests.support.site.__main__ import list_versions, misplaced_pages, remote_files
from tests.support.site.pages import SETTINGS, converted, write_pages
from tests.support.site.reference import reference_pages


def test_each_page_has_a_place_in_the_navigation_and_its_links_lead_to_pages(
    tmp_path: Path,
) -> None:
    pages = write_pages(tmp_path / "source")
    assert misplaced_pages((SETTINGS / "zensical.toml").read_text(), pages) == []
    for name in pages:
        file = tmp_path / "source" / name
        for link in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", file.read_text()):
            assert (file.parent / link).exists(), f"{name}: {link}"
    shown = (tmp_path / "source/source/deploy/stack.yml.md").read_text()
    assert (ROOT / "deploy/stack.yml").read_text().strip() in shown


def test_a_page_without_a_place_and_a_place_without_a_page_are_found() -> None:
    settings = (
        'site_name = "x.md"\nnav = [\n  { "A" = ["a.md", { "B" = "b/c.md" }] },\n]\nx = "y.md"\n'
    )
    assert misplaced_pages(settings, {"a.md", "b/c.md"}) == []
    assert misplaced_pages(settings, {"a.md", "d.md"}) == ["b/c.md", "d.md"]


def test_lists_and_links_are_as_the_site_needs_them() -> None:
    page = ROOT / "docs" / "a.md"
    text = "One\n- [x](../deploy/stack.yml#l)\n  - y\n```\n- [x](../README.md)\n```\n"
    found: set[Path] = set()
    assert converted(text, page, found) == (
        "One\n\n- [x](source/deploy/stack.yml.md#l)\n    - y\n```\n- [x](../README.md)\n```\n"
    )
    assert found == {ROOT / "deploy/stack.yml"}


def test_the_reference_has_every_call_and_every_code() -> None:
    pages = reference_pages()
    assert "## POST /jobs {: #submitJob }" in pages["jobs.md"]
    assert "## GET /queues/&#123;name} {: #getQueue }" in pages["queues.md"]
    assert "| `max_running` | integer or null |" in pages["types.md"]
    assert [code for code in Code if f"\n## {code}\n" not in pages["errors.md"]] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('<script src="https://cdn.example/x.js">', ["https://cdn.example/x.js"]),
        ("<link rel=stylesheet href=//fonts.example/css>", ["//fonts.example/css"]),
        ("body { background: url('https://a.example/b.png') }", ["https://a.example/b.png"]),
        ('<a href="https://example.org"><img src="a.png"><script src="./b.js">', []),
    ],
)
def test_files_of_other_hosts_are_found(text: str, found: list[str], tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(text)
    assert remote_files(tmp_path) == found


def test_the_newest_release_comes_first(tmp_path: Path) -> None:
    for name in ("0.0.9", "0.0.10", RELEASE, "assets"):
        (tmp_path / name).mkdir()
    list_versions(tmp_path)
    versions = [each["version"] for each in json.loads((tmp_path / "versions.json").read_text())]
    assert versions == [RELEASE, "0.0.10", "0.0.9"]
    assert f"url={RELEASE}/index.html" in (tmp_path / "index.html").read_text()
