"""Finds the message template of each shape."""

from collections import Counter
from collections.abc import Mapping

from loganalysis.templates.grouping import templates_of
from loganalysis.templates.headers import Words, messages_of, words_of
from loganalysis.templates.levels import is_access, status_of
from loganalysis.templates.masks import masked, without_units
from loganalysis.templates.prefixes import independent, without
from loganalysis.templates.shapes import CLASS, PATH, REST, TIME, VARIABLE
from loganalysis.templates.spans import without_spans


def mine(weights: Mapping[bytes, int]) -> dict[bytes, Words]:
    """The template of each shape. `weights` has the number of lines of each shape.

    The template of a line of an access log is its shape, with the class of its status.
    """
    templates = {shape: _access_template(shape) for shape in weights if is_access(shape)}
    others = {shape: lines for shape, lines in weights.items() if shape not in templates}
    messages = {shape: masked(words) for shape, words in messages_of(others).items()}
    spans = without_spans(set(messages.values()))
    messages = {shape: spans[message] for shape, message in messages.items()}
    found = _templates(messages, weights)
    known = without_units(set(found.values()))
    beginnings, spans = independent(set(known.values())), without_spans(set(known.values()))
    changed = {words: spans[short][without(short, beginnings) :] for words, short in known.items()}
    if any(words != other for words, other in changed.items()):
        found = _templates({shape: changed[words] for shape, words in found.items()}, weights)
    return templates | found


def _templates(messages: Mapping[bytes, Words], weights: Mapping[bytes, int]) -> dict[bytes, Words]:
    """The template of each shape, whose message is given."""
    by_message = Counter[Words]()
    for shape, message in messages.items():
        by_message[message] += weights[shape]
    found = templates_of(by_message)
    return {shape: found[message] for shape, message in messages.items()}


def _access_template(shape: bytes) -> Words:
    text = shape.rpartition(TIME)[2]
    status = (status_of(shape) or "").encode()
    text = text[: text.rfind(CLASS)] + status
    return tuple(words_of(text.replace(PATH, VARIABLE).replace(REST, VARIABLE)))
