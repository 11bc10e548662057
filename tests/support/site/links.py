"""What is wrong with built pages: links that lead nowhere, and files of other hosts."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

_ADDRESS = re.compile(r"<(\w+)[^>]*?\s(?:href|src)=\"?([^\s\">]+)")
_LOADED = {"script", "link", "img", "iframe"}


def faults(folder: Path) -> list[str]:
    """A line for each address in the pages of a folder that leads nowhere, and for each script,
    style, font and image that a browser would load from another host."""
    pages = [file for file in folder.rglob("*.html") if file.name != "404.html"]
    found = [f"{file.relative_to(folder)}: {fault}" for file in pages for fault in _faults(file)]
    styles = {file.name: file.read_text() for file in folder.rglob("*.css")}
    remote = re.compile(r"url\([\"']?(?:https?:)?//[^)]*|@import[^;]*//[^;]*")
    return found + [
        f"{name}: {each}" for name, text in styles.items() for each in remote.findall(text)
    ]


def _faults(page: Path) -> Iterator[str]:
    for tag, address in _ADDRESS.findall(page.read_text()):
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            if tag in _LOADED and parts.scheme != "data":
                yield f"loads {address}"
            continue
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        anchor = unquote(parts.fragment)
        if not target.exists() or (
            anchor and target.suffix == ".html" and anchor not in _ids(target)
        ):
            yield f"{address} leads nowhere"


@cache
def _ids(page: Path) -> set[str]:
    return {*re.findall(r"\sid=\"?([^\s\">]+)", page.read_text())}


def misplaced_pages(settings: str, needed: set[str]) -> list[str]:
    """The pages that are missing in the navigation, and those that it names in vain."""
    return sorted(needed ^ {*_names(tomllib.loads(settings)["project"]["nav"])})


def _names(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _names(each)
