"""The web front end: one page for `/docs` and every address below `/ui`, and its files."""

from server.auth.callers import Role
from server.documents.service_schemas import IndexDocument, TypeDocument
from server.handlers.base import Handler
from server.handlers.web_files import WebFile, WebFiles
from server.http.problems import Problem
from server.jobs.services import Services

POLICY = "; ".join(
    [
        "default-src 'self'",  # no inline script or style, nothing from elsewhere
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    ]
)
_KEPT = "public, max-age=31536000, immutable"
_ASKED_FOR = "no-cache"


class WebHandler(Handler):
    """What has the files of the front end."""

    def initialize(self, services: Services, files: WebFiles | None = None) -> None:
        """Take what the application gives."""
        super().initialize(services)
        assert files is not None
        self.files = files

    def role(self) -> Role | None:
        """None: these files hold nothing of any job, and have the sign-in."""
        return None

    def send(self, file: WebFile, status: int = 200, cache: str = _ASKED_FOR) -> None:
        """End the request with a file, or with 304 if the client has it."""
        self.set_header("Content-Type", file.content_type)
        self.set_header("Content-Security-Policy", POLICY)
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Cache-Control", cache)
        self.add_header("Vary", "Accept-Encoding")
        self.set_status(status)
        if takes_gzip(self.request.headers.get("Accept-Encoding", "")):
            self.set_header("Content-Encoding", "gzip")
            self.finish(file.gzipped)
        else:
            self.finish(file.content)

    def send_page(self, status: int = 200) -> None:
        """End the request with the page, for a browser."""
        self.send(self.files.page, status)


class IndexHandler(WebHandler):
    """The way in for those who look at the address first."""

    def role(self) -> Role | None:
        """None for the page."""
        page = wants_page(self.request.headers.get("Accept", ""))
        return None if page else Handler.role(self)

    async def get(self) -> None:
        """To a browser the page; to all others what this is, where jobs are, and the job types."""
        self.add_header("Vary", "Accept")
        if wants_page(self.request.headers.get("Accept", "")):
            return self.send_page()
        types: dict[str, TypeDocument] = {
            name: {"upload": job_type.upload, "payload": job_type.Payload.model_json_schema()}
            for name, job_type in sorted(self.services.job_types.items())
        }
        index: IndexDocument = {
            "service": "Job Service",
            "jobs": "/jobs",
            "openapi": "/openapi.json",
            "job_types": types,
        }
        self.answer(index)

    head = get


class PageHandler(WebHandler):
    """The page, which finds out by its address what to show."""

    async def get(self, *args: str) -> None:
        """The same bytes at each of these addresses."""
        self.send_page()

    head = get


class NoPageHandler(WebHandler):
    """Addresses below `/ui` that nothing is at."""

    async def get(self) -> None:
        """Say so: in the page to a browser, as a problem to all others."""
        self.add_header("Vary", "Accept")
        if not wants_page(self.request.headers.get("Accept", "")):
            raise Problem(404, f"nothing is found at {self.request.path[:200]}")
        self.send_page(404)

    head = get


class FileHandler(WebHandler):
    """The files of the page."""

    LIMITED = False  # a page needs all of them at once

    async def get(self, version: str, name: str) -> None:
        """A file. That of another version, as of a listener just replaced, is not to be kept."""
        file = self.files.find(name)
        if file is None:
            raise Problem(404, "the front end has no such file")
        self.send(file, cache=_KEPT if version == self.files.version else _ASKED_FOR)

    head = get


def wants_page(accept: str) -> bool:
    """Whether an Accept header prefers HTML to JSON; `*/*` alone does not."""
    wanted = _weights(accept)
    html = wanted.get("text/html", 0.0)
    return html > 0 and html >= wanted.get("application/json", 0.0)


def takes_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header names gzip."""
    return _weights(accept_encoding).get("gzip", 0.0) > 0


def _weights(header: str) -> dict[str, float]:
    """What a header prefers, by name."""
    parts = [part.strip().partition(";") for part in header.lower().split(",")]
    return {name.strip(): _weight(options) for name, _, options in parts}


def _weight(options: str) -> float:
    for option in options.split(";"):
        name, _, value = option.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
