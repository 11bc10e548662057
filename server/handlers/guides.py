"""`/docs/NAME`: the Markdown files of the folder `docs` as pages, and their images.

A name is the path of a file within that folder: `uploads`, `decisions/http`, `images/job.png`.
"""

import asyncio
import posixpath
import re
from functools import lru_cache
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from server.handlers.pages import WebHandler
from server.handlers.web_files import WebFile, WebFiles
from server.http.codes import Code
from server.http.negotiation import wants_page
from server.http.problems import Problem

if TYPE_CHECKING:  # imported with the first guide that is read: it takes 6 MB
    from markdown_it.token import Token

FOLDER = Path(__file__).parents[2] / "docs"
IMAGES = {".png": "image/png", ".svg": "image/svg+xml"}
_LINK = re.compile(r"([\w./-]+)\.md(#.*)?")
_GUIDES = "guides"
"""The name of the page that lists all guides."""


class GuideHandler(WebHandler):
    """A guide, one of its images, or the list of all. They need no token, and no JavaScript."""

    ROUTE = "/docs/{guide}"

    async def get(self, name: str) -> None:
        """Send the page; 404 if there is no such guide."""
        self.add_header("Vary", "Accept")
        page = await asyncio.to_thread(guide_page, self.files, self.root_path, name)
        if page is not None:
            return self.send(page)
        if wants_page(self.request.headers.get("Accept", "")):
            return self.send_page(404)
        raise Problem(Code.NOT_FOUND, f"there is no guide {name[:200]}; /docs/{_GUIDES} lists all")

    head = get


@lru_cache(100)
def guide_page(files: WebFiles, root_path: str, name: str) -> WebFile | None:
    """Build the page of a guide, or the list of all, or read an image. None if there is none."""
    if name == _GUIDES:
        return files.static_page("Guides", _list(root_path))
    image, file = FOLDER / name, FOLDER / f"{name}.md"
    if image.suffix in IMAGES and image.is_file():
        return WebFile(IMAGES[image.suffix], image.read_bytes())
    if not file.is_file():
        return None
    title, html = render(name, f"{root_path}/docs/")
    return files.static_page(escape(title), f'<article class="guide">{html}</article>')


def render(name: str, base: str) -> tuple[str, str]:
    """Return the title of a guide and its HTML.

    Headings have the ids that GitHub gives them. Links to other guides, and images, lead below
    `base`. The text of a link to another file of the repository stays without the link.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse((FOLDER / f"{name}.md").read_text())
    title = ""
    for opening, inline in pairwise(tokens):
        opening.attrs.pop("style", None)  # of a cell; the content security policy forbids it
        if opening.type == "heading_open":
            text = "".join(each.content for each in inline.children or [])
            title = title or text
            opening.attrs["id"] = _id_of(text)
        _change_links(inline.children or [], posixpath.dirname(name), base)
    return title, parser.renderer.render(tokens, parser.options, {})


def _id_of(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _change_links(tokens: "list[Token]", folder: str, base: str) -> None:
    """Let links and images that are relative to a folder of guides lead below `base`."""
    is_left_out = False
    for each in tokens:
        if each.type == "image":
            each.attrs["src"] = base + _within(folder, str(each.attrs["src"]))
        elif each.type == "link_open":
            address = str(each.attrs["href"])
            link = _LINK.fullmatch(address)
            guide = _within(folder, link[1]) if link else ".."
            is_guide = not guide.startswith("..")
            if link and is_guide:
                each.attrs["href"] = f"{base}{guide}{link[2] or ''}"
            is_left_out = not is_guide and not address.startswith(("#", "https:", "http:"))
        if is_left_out and each.type in ("link_open", "link_close"):
            each.tag, each.attrs = "span", {}


def _within(folder: str, path: str) -> str:
    """Return a path that starts in `folder` as a path that starts in the folder of all guides."""
    return posixpath.normpath(posixpath.join(folder, path))


def _list(root_path: str) -> str:
    titles = {file.stem: _title(file) for file in sorted(FOLDER.glob("*.md"))}
    titles["decisions/README"] = _title(FOLDER / "decisions/README.md")
    items = (
        f'<li><a href="{root_path}/docs/{name}">{escape(title)}</a></li>\n'
        for name, title in titles.items()
    )
    return f'<h1>Guides</h1>\n<ul class="guide">\n{"".join(items)}</ul>'


def _title(file: Path) -> str:
    with file.open() as lines:
        return next(lines, "").strip("# \n").replace("`", "")
