"""Each route gives its handler the objects that the handler's class names."""

from typing import ClassVar, get_origin

from server.app import App
from server.handlers.base import Handler


def named(handler: type[Handler]) -> set[str]:
    """The annotated attributes of a handler class that have no value of their own."""
    return {
        name
        for each in handler.__mro__
        if issubclass(each, Handler)
        for name, kind in vars(each).get("__annotations__", {}).items()
        if get_origin(kind) is not ClassVar and kind is not ClassVar and not hasattr(each, name)
    }


def test_each_handler_gets_what_its_class_names_and_nothing_else(app: App) -> None:
    rules = app.application.wildcard_router.rules
    assert rules
    for rule in rules:
        given = set(rule.target_kwargs)
        missing_or_more = given ^ (named(rule.target) - {"model", "action"})
        assert missing_or_more == set(), rule.target
