"""The web front end: one page for `/docs` and all paths below `/ui`, its files, and `/docs/errors`,
the page with a section for each code, to which `type` of a problem leads.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from typing import Literal

from typing_extensions import TypedDict

from runner.job_types.base import AnyJobType
from server.api.openapi.operation import Operation
from server.auth.callers import Role
from server.handlers.base import Handler
from server.handlers.web_files import WebFile, WebFiles
from server.http.codes import Code
from server.http.negotiation import takes_gzip, wants_page
from server.http.problems import Problem
from storage.records.json_values import Json

POLICY = "; ".join(
    [
        "default-src 'self'",  # no inline scripts or styles, nothing from other origins
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    ]
)
PERMISSIONS = ", ".join(
    f"{name}=()"
    for name in ("camera", "display-capture", "geolocation", "microphone", "payment", "usb")
)
"""What pages never do, so that no script in them can ask for it."""
_ERRORS_HEAD = """<h1>Errors</h1>
<p>Every error response has one of these codes. A code never changes its meaning.</p>
"""
_CACHE_FOREVER = "public, max-age=31536000, immutable"
_REVALIDATE = "no-cache"


class WebHandler(Handler):
    """The base class of handlers that send files of the front end."""

    LIMITED = True
    files: WebFiles
    page = ""
    """The name of the page in web_files.PAGE_MODULES; empty where there is none."""
    ANY_QUERY = True

    def role(self) -> Role | None:
        """None: these files contain no job data, and include the sign-in page."""
        return None

    def send(self, file: WebFile, status: int = 200, cache: str = _REVALIDATE) -> None:
        """Finish the request with a file, or with 304 if the client has it."""
        self.set_header("Content-Type", file.content_type)
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")
        self.set_header("Permissions-Policy", PERMISSIONS)
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Cache-Control", cache)
        self.add_header("Vary", "Accept-Encoding")
        self.set_status(status)
        if takes_gzip(self.request.headers.get("Accept-Encoding")):
            self.set_header("Content-Encoding", "gzip")
            self.finish(file.gzipped)
        else:
            self.finish(file.content)

    def send_page(self, status: int = 200) -> None:
        """Finish the request with the page, for a browser."""
        self.send(self.files.page_of(self.page), status)


class TypeDocument(TypedDict):
    """A job type: whether it takes a file, and the JSON Schema of its payload."""

    upload: Literal["none", "required", "optional"]
    """Whether a job of this type needs a file, or may have one."""
    payload: Json
    """JSON Schema of the payload."""


class IndexDocument(TypedDict):
    """Where to find the jobs and the API description, and the job types of this service."""

    service: str
    """Name of the service."""
    jobs: str
    """Path of the jobs."""
    openapi: str
    """Path of the API description."""
    job_types: dict[str, TypeDocument]
    """The job types, by name."""


class IndexHandler(WebHandler):
    """The root path: the page for browsers, an index document for other clients."""

    page = "ui"
    job_types: Mapping[str, AnyJobType]
    ROUTE = "/"

    def role(self) -> Role | None:
        """None for the page; the index document needs the usual role."""
        page = wants_page(self.request.headers.get("Accept", ""))
        return None if page else Handler.role(self)

    @Operation("getIndex", "service", {200: (IndexDocument, "text/html")})
    async def get(self) -> None:
        """Overview of this API.

        Lists the job types with the JSON Schema of their payloads. Browsers get the web front end.
        """
        self.add_header("Vary", "Accept")
        if wants_page(self.request.headers.get("Accept", "")):
            return self.send_page()
        types: dict[str, TypeDocument] = {
            name: {"upload": job_type.upload, "payload": job_type.Payload.model_json_schema()}
            for name, job_type in sorted(self.job_types.items())
        }
        index: IndexDocument = {
            "service": "Job Service",
            "jobs": f"{self.root_path}/jobs",
            "openapi": f"{self.root_path}/openapi.json",
            "job_types": types,
        }
        self.send_json(index)


class PageHandler(WebHandler):
    """The page, which chooses by its path what to show."""

    ROUTE = "/ui"

    async def get(self, path: str) -> None:
        """Send the page. Only the list of its modules depends on the path."""
        plural, slash, _ = path.partition("/")
        self.page = plural.removesuffix("s") if slash else path
        self.send_page()

    head = get


class NoPageHandler(WebHandler):
    """Unknown paths below `/ui`."""

    ROUTE = "/ui"

    async def get(self) -> None:
        """Send a 404: as the page to a browser, as a problem to other clients."""
        self.add_header("Vary", "Accept")
        if not wants_page(self.request.headers.get("Accept", "")):
            raise Problem(Code.NOT_FOUND, f"there is nothing at {self.request.path[:200]}")
        self.send_page(404)

    head = get


class FileHandler(WebHandler):
    """The scripts, styles and images of the page."""

    ROUTE = "/ui/static"
    RATE_LIMITED = False  # a page loads all its files at once

    async def get(self, version: str, name: str) -> None:
        """Send a file. Clients may cache it only under its current version.

        A listener that was just replaced can have a different version of the files.
        """
        file = self.files.find(name)
        if file is None:
            raise Problem(Code.NOT_FOUND, "the front end has no such file")
        is_current = version == self.files.version
        self.send(file, cache=_CACHE_FOREVER if is_current else _REVALIDATE)

    head = get


class ErrorPageHandler(WebHandler):
    """The page about errors. It needs no token, and no JavaScript."""

    ROUTE = "/docs/errors"

    async def get(self) -> None:
        """Send the page."""
        self.send(error_page(self.files))

    head = get


@lru_cache(1)
def error_page(files: WebFiles) -> WebFile:
    """Build the page; once for the files of a listener."""
    return files.static_page("Errors", _ERRORS_HEAD + "".join(map(_section, Code)))


def _section(code: Code) -> str:
    return (
        f'<section id="{code}" class="problem"><h2><code>{code}</code></h2>\n'
        f"<p><strong>{escape(code.title)}</strong> (status {code.status}). {_html(code.when)}</p>\n"
        f"<p><em>Remedy:</em> {_html(code.remedy)}</p></section>\n"
    )


def _html(markdown: str) -> str:
    """Escape a text, and turn `code` into an element."""
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(markdown))
