"""What all handlers share: bodies, answers, and errors as problem+json."""

from collections.abc import Mapping
from typing import Any, ClassVar

from tornado.web import RequestHandler, stream_request_body

from server.auth.authenticate import SAFE_METHODS, is_same_origin, require_role
from server.auth.callers import ANONYMOUS, Role
from server.http import cors
from server.http.body import Body, NoBody, RefusedBody
from server.http.problems import CONTENT_TYPE, Problem, log_failure, problem_of
from server.http.response import DEFAULT_HEADERS, encode_json
from server.jobs.services import Services


@stream_request_body
class Handler(RequestHandler):
    """Answers in JSON, and every error as a problem document."""

    services: Services
    ALLOW = "GET, HEAD, OPTIONS"
    ROLES: ClassVar[Mapping[str, Role]] = {}
    """The role that each method needs which changes something; one that is not here needs admin."""
    LIMITED = True
    """Whether RATE_LIMIT holds here."""

    def initialize(self, services: Services) -> None:
        """Take what the application gives to each of its handlers."""
        self.services = services
        self.received: Body = NoBody()
        self.caller = ANONYMOUS
        self._taken = False
        self._entered = True
        services.entered()

    def set_default_headers(self) -> None:
        """JSON, and nothing that a browser would guess."""
        self.set_headers(DEFAULT_HEADERS)
        self.clear_header("Server")
        trusted = self.application.settings["trusted_origins"]
        self.set_headers(cors.response_headers(self.request.headers, trusted))

    def set_headers(self, headers: Mapping[str, str]) -> None:
        """Set each of them."""
        for name, value in headers.items():
            self.set_header(name, value)

    def role(self) -> Role | None:
        """The role that this request needs; None where anybody may ask, whoever it is."""
        method = self.request.method or ""
        if method == "OPTIONS":  # asked by browsers, without a token, before they send one
            return None
        return Role.READ if method in SAFE_METHODS else self.ROLES.get(method, Role.ADMIN)

    def body(self) -> Body:
        """Where the request's body goes; may raise a Problem."""
        return NoBody()

    async def prepare(self) -> None:
        """See who asks, and choose where the body goes, before any of it has come."""
        try:
            self._admit()
            self.received = self.body()
        except Problem as problem:
            if self.request.method in SAFE_METHODS:
                raise
            if self.request.headers.get("Expect", "").lower() == "100-continue":
                raise  # the client waits for our word, and has sent nothing to drop
            self.received = RefusedBody(problem)
            setattr(self, (self.request.method or "").lower(), self._refused)

    async def data_received(self, chunk: bytes | memoryview) -> None:
        """Pass on the next bytes of the body; an error waits for its end, up to a bound."""
        if self._finished:
            return
        try:
            await self.received.write(chunk)
        except Exception as error:
            if isinstance(self.received, RefusedBody):
                self.send_error(exc_info=(type(error), error, None))
            else:
                await self._refuse(error)

    def take_body(self) -> None:
        """To be called once the body is whole. Raises the Problem it was refused with."""
        self._taken = True
        if isinstance(self.received, RefusedBody):
            raise self.received.problem

    def on_connection_close(self) -> None:
        """The client went away: a body that is not whole leaves nothing behind."""
        super().on_connection_close()
        if not self._taken:
            self.services.later(self.received.abort())
        self._leave()

    def on_finish(self) -> None:
        """The request has been answered."""
        self._leave()

    def answer(self, document: Any, status: int = 200) -> None:
        """End the request with a JSON document."""
        self.set_status(status)
        self.finish(encode_json(document))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Every error as a problem; what we did not foresee is logged and told as a bare 500."""
        error = kwargs.get("exc_info", (None, None))[1]
        problem = problem_of(error, status_code)
        self.set_status(problem.status)
        self.set_header("Content-Type", CONTENT_TYPE)
        self.set_headers(problem.headers)
        if problem.status == 405:
            self.set_header("Allow", self.ALLOW)
        self.finish(encode_json(problem.document()))

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """As log_failure."""
        log_failure(value)

    def options(self, *args: str) -> None:
        """Say what can be asked here."""
        self.set_status(204)
        self.set_header("Allow", self.ALLOW)
        trusted = self.application.settings["trusted_origins"]
        allowed = cors.preflight_headers(self.request.headers, trusted, self.ALLOW)
        self.set_headers(allowed)

    def _admit(self) -> None:
        access, role, request = self.services.access, self.role(), self.request
        address, method = request.remote_ip or "", request.method or ""
        if role is not None:
            by_https = request.protocol == "https"
            self.caller = access.authenticate(address, request.headers, method, by_https)
        if self.LIMITED:
            access.count_request(address, self.caller)
        if role is not None:
            require_role(self.caller, role)

    def _refused(self, *args: str) -> None:
        """In place of the method that was asked for."""
        self.take_body()

    def _origin_matches_host(self, origin: str) -> bool:
        """Tornado's own raises ValueError for what is no address, which would be a 500."""
        return is_same_origin(origin, self.request.headers)

    def _leave(self) -> None:
        if self._entered:
            self._entered = False
            self.services.left()

    async def _refuse(self, error: Exception) -> None:
        received, problem = self.received, problem_of(error, 500)
        if problem.status == 500:
            log_failure(error)
        self.received = RefusedBody(problem)
        await received.abort()


class NotFound(Handler):
    """Any path that is none of ours."""

    def not_found(self, *args: str) -> None:
        """Say so."""
        self.take_body()
        raise Problem(404, f"nothing is found at {self.request.path[:200]}")

    get = head = post = put = patch = delete = options = not_found
