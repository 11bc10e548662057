"""The files of the web front end, read once at startup. Imports no other module of the service.

The URL of each file contains a version, a hash of all files, so browsers may cache it forever:

    / , /ui/...  ──▶ index.html ──▶ /ui/static/VERSION/app.js, app.css, ...

The page names all modules that a browser needs to show it, so that they are loaded in parallel.
"""

import gzip
import hashlib
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

WEB_FOLDER = Path(__file__).parents[1] / "web"
CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_BASE_PLACEHOLDER = b"/ui/static/VERSION"
_RELEASE_PLACEHOLDER = b"RELEASE"
_LINK = re.compile(rb'((?:href|src)=")/')
_SIGN_IN_PLACEHOLDER = b"SIGN_IN"
_MODULES_PLACEHOLDER = b"<!-- modules -->"
_IMPORT = re.compile(rb'^import (?:[^"]* from )?"(\.[^"]+)";', re.MULTILINE)
_APP = "app.js"
PAGE_MODULES = {
    "ui": "pages/overview/overviewPage.js",
    "jobs": "pages/jobs/jobsPage.js",
    "job": "pages/job/jobPage.js",
    "failures": "pages/failures/failuresPage.js",
    "audit": "pages/audit/auditPage.js",
    "schedules": "pages/schedules/schedulesPage.js",
    "schedule": "pages/schedules/schedulePage.js",
    "submit": "pages/submit/submitPage.js",
    "docs": "pages/docs/docsPage.js",
}
"""The module of each page, which app.js imports when it shows the page."""


@dataclass(frozen=True)
class WebFile:
    """The content of a file and its media type."""

    content_type: str
    content: bytes

    @cached_property
    def gzipped(self) -> bytes:
        """The compressed content; computed once, and identical in all listeners."""
        return gzip.compress(self.content, mtime=0)


class WebFiles:
    """All files, by names such as `pages/jobs.js`."""

    def __init__(
        self, release: str, root_path: str = "", sign_in: str = "", folder: Path = WEB_FOLDER
    ):
        """`sign_in` has the ways to sign in: `token`, the host of a provider, or both."""
        self._sign_in = sign_in.encode()
        self._files = {
            path.relative_to(folder).as_posix(): WebFile(
                CONTENT_TYPES[path.suffix], path.read_bytes()
            )
            for path in sorted(folder.rglob("*"))
            if path.suffix in CONTENT_TYPES
        }
        self.version = _version(self._files)
        self.page = self._page(release, root_path, [_APP])
        """The page of the front end, for paths without a page."""
        self._pages = {
            name: self._page(release, root_path, [_APP, module])
            for name, module in PAGE_MODULES.items()
        }

    def find(self, name: str) -> WebFile | None:
        """Return a file, or None if there is none with this name. Does not access the disk."""
        return None if name == "index.html" else self._files.get(name)

    def page_of(self, name: str) -> WebFile:
        """Return the page for the paths of this name in PAGE_MODULES; any other has no modules."""
        return self._pages.get(name, self.page)

    def static_page(self, title: str, content: str) -> WebFile:
        """Build a page with the look of the front end and this HTML, without any script."""
        html = self.page.content.decode().replace("<title>", f"<title>{title} · ")
        html = re.sub("<main (.*?)>.*</main>", lambda m: f"<main {m[1]}>{content}</main>", html)
        html = re.sub('<script .*?</script>\n|<link rel="modulepreload".*?>\n', "", html)
        return WebFile(self.page.content_type, html.encode())

    def _page(self, release: str, root_path: str, modules: Sequence[str]) -> WebFile:
        """Build the page. It names `modules` and all that they import."""
        base = _BASE_PLACEHOLDER.replace(b"VERSION", self.version.encode())
        names = [name.encode() for name in self._with_imports(modules)]
        links = b"\n".join(b'<link rel="modulepreload" href="%s/%s">' % (base, n) for n in names)
        index = self._files["index.html"]
        content = index.content.replace(_MODULES_PLACEHOLDER, links)
        content = content.replace(_BASE_PLACEHOLDER, base)
        content = content.replace(_RELEASE_PLACEHOLDER, release.encode())
        content = content.replace(_SIGN_IN_PLACEHOLDER, self._sign_in)
        content = _LINK.sub(rb"\1%s/" % root_path.encode(), content)
        return WebFile(index.content_type, content)

    def _with_imports(self, modules: Sequence[str]) -> list[str]:
        """Return the names of these modules and of all modules that they import, each once."""
        found = [name for name in modules if name in self._files]
        for name in found:  # which grows meanwhile
            folder = posixpath.dirname(name)
            for path in _IMPORT.findall(self._files[name].content):
                imported = posixpath.normpath(posixpath.join(folder, path.decode()))
                if imported not in found:
                    found.append(imported)
        return found


def _version(files: Mapping[str, WebFile]) -> str:
    digest = hashlib.sha256()
    for name, file in files.items():
        digest.update(f"{name} {len(file.content)} ".encode() + file.content)
    return digest.hexdigest()[:16]
