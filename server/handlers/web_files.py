"""The files of the web front end, read once at the start. Imports nothing of ours.

Their address has a version, made from all of them, so that a browser may keep them for good:

    / , /ui/...  ──▶ index.html ──▶ /ui/static/VERSION/app.js, app.css, ...
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "web"
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_BASE = b"/ui/static/VERSION"
_MODULES = b"<!-- modules -->"


@dataclass(frozen=True)
class WebFile:
    """What is sent for a file."""

    content_type: str
    content: bytes

    @cached_property
    def gzipped(self) -> bytes:
        """The content as gzip, made once, and the same in each listener."""
        return gzip.compress(self.content, mtime=0)


class WebFiles:
    """All of them, by their names, as in `pages/jobs.js`."""

    def __init__(self, folder: Path = FOLDER):
        self._files = {
            path.relative_to(folder).as_posix(): WebFile(
                CONTENT_TYPES[path.suffix], path.read_bytes()
            )
            for path in sorted(folder.rglob("*"))
            if path.suffix in CONTENT_TYPES
        }
        self.version = _version(self._files)
        self.page = self._page()

    def find(self, name: str) -> WebFile | None:
        """A file; None if there is none of that name. Nothing is looked for on the disk."""
        return None if name == "index.html" else self._files.get(name)

    def _page(self) -> WebFile:
        """The one page. It names all modules, or the browser would learn of them one by one."""
        base = _BASE.replace(b"VERSION", self.version.encode())
        names = [name.encode() for name in self._files if name.endswith(".js")]
        links = b"\n".join(b'<link rel="modulepreload" href="%s/%s">' % (base, n) for n in names)
        index = self._files["index.html"]
        content = index.content.replace(_MODULES, links).replace(_BASE, base)
        return WebFile(index.content_type, content)


def _version(files: Mapping[str, WebFile]) -> str:
    digest = hashlib.sha256()
    for name, file in files.items():
        digest.update(f"{name} {len(file.content)} ".encode() + file.content)
    return digest.hexdigest()[:16]
