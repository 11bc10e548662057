"""Finds the message template of each shape."""

from collections import Counter
from collections.abc import Mapping

from runner.analysis.overview.grouping import masked, templates_of
from runner.analysis.overview.headers import Words, messages_of, words_of
from runner.analysis.overview.levels import is_access, status_of
from runner.analysis.overview.shapes import CLASS, PATH, REST, TIME, VARIABLE


def mine(weights: Mapping[bytes, int]) -> dict[bytes, Words]:
    """The template of each shape. `weights` has the number of lines of each shape.

    The template of a line of an access log is its shape, with the class of its status.
    """
    templates = {shape: _access_template(shape) for shape in weights if is_access(shape)}
    others = {shape: lines for shape, lines in weights.items() if shape not in templates}
    messages = {shape: masked(words) for shape, words in messages_of(others).items()}
    by_message = Counter[Words]()
    for shape, message in messages.items():
        by_message[message] += weights[shape]
    found = templates_of(by_message)
    return templates | {shape: found[message] for shape, message in messages.items()}


def _access_template(shape: bytes) -> Words:
    text = shape.rpartition(TIME)[2]
    status = (status_of(shape) or "").encode()
    text = text[: text.rfind(CLASS)] + status
    return tuple(words_of(text.replace(PATH, VARIABLE).replace(REST, VARIABLE)))
