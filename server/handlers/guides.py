"""`/docs/NAME`: the guides, which are the Markdown files of the folder `docs`, as pages."""

import asyncio
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
_LINK = re.compile(r"([a-z0-9-]+)\.md(#.*)?")
_GUIDES = "guides"
"""The name of the page that lists all guides."""


class GuideHandler(WebHandler):
    """A guide, or the list of all. It needs no token, and no JavaScript."""

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
    """Build the page of a guide, or the list of all. None if there is no such guide."""
    file = FOLDER / f"{name}.md"
    if name == _GUIDES:
        return files.static_page("Guides", _list(root_path))
    if not file.is_file():
        return None
    title, html = render(file.read_text(), f"{root_path}/docs/")
    return files.static_page(escape(title), f'<article class="guide">{html}</article>')


def render(markdown: str, base: str) -> tuple[str, str]:
    """Return the title of a guide and its HTML.

    Headings have the ids that GitHub gives them. A link to another guide leads below `base`. The
    text of a link to another file of the repository stays without the link.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    title = ""
    for opening, inline in pairwise(tokens):
        opening.attrs.pop("style", None)  # of a cell; the content security policy forbids it
        if opening.type == "heading_open":
            text = "".join(each.content for each in inline.children or [])
            title = title or text
            opening.attrs["id"] = _id_of(text)
        _change_links(inline.children or [], base)
    return title, parser.renderer.render(tokens, parser.options, {})


def _id_of(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _change_links(tokens: "list[Token]", base: str) -> None:
    is_left_out = False
    for each in tokens:
        if each.type == "image":  # the service has no images of guides
            each.type, each.tag = "text", ""
        elif each.type == "link_open":
            address = str(each.attrs["href"])
            guide = _LINK.fullmatch(address)
            if guide:
                each.attrs["href"] = f"{base}{guide[1]}{guide[2] or ''}"
            is_left_out = not guide and not address.startswith(("#", "https:", "http:"))
        if is_left_out and each.type in ("link_open", "link_close"):
            each.tag, each.attrs = "span", {}


def _list(root_path: str) -> str:
    titles = {file.stem: _title(file) for file in sorted(FOLDER.glob("*.md"))}
    items = (
        f'<li><a href="{root_path}/docs/{name}">{escape(title)}</a></li>\n'
        for name, title in titles.items()
    )
    return f'<h1>Guides</h1>\n<ul class="guide">\n{"".join(items)}</ul>'


def _title(file: Path) -> str:
    with file.open() as lines:
        return next(lines, "").strip("# \n").replace("`", "")
