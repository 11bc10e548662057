"""Mypy compares the objects of each route with the constructor of its handler.

It fails if one of the comments `type: ignore` below is not needed.
"""

import pytest

from server.api.queues import QueuesHandler
from server.start.app import App
from server.start.routes import route


class MistakenHandler(QueuesHandler):
    """Asks for an object that its route does not give, and for one that it does not name."""

    nowz: float

    def get(self) -> None:  # type: ignore[override]
        self.clock()  # type: ignore[attr-defined]


@pytest.mark.gen_test
@pytest.mark.sqlite
async def test_a_route_gives_its_handler_exactly_what_its_class_names(app: App) -> None:
    queues, threads = app.queues, app.threads
    given = route("/", QueuesHandler, queues, threads, count_own=lambda name: {}).kwargs or {}
    assert (given["queues"], given["threads"]) == (queues, threads)
    with pytest.raises(TypeError, match="nowz"):
        route("/", MistakenHandler, queues, threads, lambda name: {})  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="count_own"):
        route("/", QueuesHandler, queues, threads)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="too many"):
        route("/", QueuesHandler, queues, threads, lambda name: {}, 1)  # type: ignore[call-arg]
    route("/", QueuesHandler, threads, queues, lambda name: {})  # type: ignore[arg-type]
