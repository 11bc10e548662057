"""The guides: the Markdown files of `docs`, served below `/docs`."""

import re
from functools import cache

import pytest

from server.handlers.guides import FOLDER, IMAGES, render
from tests.support.api import Client
from tests.support.paths import ROOT

pytestmark = [pytest.mark.sqlite, pytest.mark.tornado]

PROGRAMS = ("admin", "loganalysis", "runner", "server", "storage")
GUIDES = sorted(str(file.relative_to(FOLDER))[:-3] for file in FOLDER.rglob("*.md"))
MENTION = re.compile(r"docs/([a-z0-9-]+)\.md(?:#([\w-]+))?")


def ids(html: str) -> set[str]:
    return set(re.findall(r' id="([^"]*)"', html))


@cache
def page(name: str) -> str:
    return render(name, "/docs/")[1]


@pytest.mark.parametrize("name", GUIDES)
def test_links_of_a_guide_lead_to_headings_of_guides(name: str) -> None:
    links = re.findall(r'<a href="([^"]*)"', page(name))
    for link in links:
        if link.startswith("http"):
            continue
        path, _, heading = link.partition("#")
        guide = path.removeprefix("/docs/") or name
        assert guide in GUIDES, link
        assert not heading or heading in ids(page(guide)) or guide == "errors", link
    assert " style=" not in page(name)


def test_every_guide_that_a_program_names_is_there() -> None:
    found = 0
    for program in PROGRAMS:
        for file in (ROOT / program).rglob("*.py"):
            for name, heading in MENTION.findall(file.read_text()):
                found += 1
                assert name in GUIDES, (file, name)
                assert not heading or heading in ids(page(name)), (file, name, heading)
    assert found > 20


@pytest.mark.gen_test
async def test_a_guide_is_a_page_without_scripts(client: Client) -> None:
    for path in ("/docs/log-formats", "/docs/log-formats.md", "/docs/log-formats/"):
        response = await client.fetch(path)
        text = response.body.decode()
        assert (response.code, "<script" in text) == (200, False)
        assert re.search(r'<h1 id="[^"]+">', text)
        assert "<table>" in text
    listed = (await client.fetch("/docs/guides")).body.decode()
    guides = [name for name in GUIDES if "/" not in name]
    assert re.findall(r'<li><a href="/docs/([^"]+)">', listed) == [*guides, "decisions/README"]


@pytest.mark.gen_test
async def test_images_and_decisions_are_served(client: Client) -> None:
    images = {each for name in GUIDES for each in re.findall(r'<img src="([^"]*)"', page(name))}
    assert len(images) > 1
    for path in images:
        response = await client.fetch(path)
        assert response.code == 200, path
        assert response.body == (FOLDER / path.removeprefix("/docs/")).read_bytes()
        assert response.headers["Content-Type"] == IMAGES[path[-4:]]
    links = re.findall(r'<a href="(/docs/[^"#]*)', page("decisions/README"))
    assert "/docs/decisions/http" in links
    for path in links:
        assert (await client.fetch(path)).code == 200, path


@pytest.mark.parametrize(
    "name", ["none", "README", "..%2FREADME", "images/none.png", "images/job", "decisions/../job"]
)
@pytest.mark.gen_test
async def test_there_are_no_other_guides(client: Client, name: str) -> None:
    assert (await client.fetch(f"/docs/{name}")).code == 404
