"""The application of a listener, which all handlers use, and how handlers are constructed."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import dataclass_transform

from tornado.routing import Rule
from tornado.web import Application, RequestHandler

from server.auth.addresses import AllowedHosts
from server.auth.authenticate import Authenticator
from server.http.request_log import Activity


class ListenerApplication(Application):
    """Gives each request to the handler of the first route that its path matches."""

    def __init__(
        self,
        routes: Sequence[Rule],
        no_route: type[RequestHandler],
        log_request: Callable[[RequestHandler], None],
        authenticator: Authenticator,
        hosts: AllowedHosts,
        activity: Activity,
        root_path: str,
        trusted_origins: Collection[str],
    ):
        """`no_route` is the handler of other paths; `log_request` is called after each response."""
        super().__init__(
            list(routes),
            default_handler_class=no_route,
            log_function=log_request,
            cross_origin_protection=True,
            trusted_origins=trusted_origins,
        )
        self.authenticator, self.hosts, self.activity = authenticator, hosts, activity
        self.root_path, self.trusted_origins = root_path, trusted_origins


@dataclass_transform(eq_default=False, field_specifiers=(field,))
class ConstructedHandler(RequestHandler):
    """The annotated attributes of a subclass are the parameters of its constructor.

    Subclasses are dataclasses, so type checkers know the objects that a handler is created with.
    """

    def __init_subclass__(cls) -> None:
        """Make a dataclass of the subclass."""
        dataclass(eq=False, repr=False, match_args=False)(cls)
