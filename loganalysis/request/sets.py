"""Adds the patterns of sets to a request that names these.

    patterns      ["ERROR"]              ──▶ ["ERROR", patterns of nginx, patterns of mine]
    pattern_sets  ["nginx", "mine"]      ──▶ the same: it says where the patterns come from

A service does this when it accepts a request, so the stored one has all its patterns.
"""

from collections.abc import Mapping, Sequence

from pydantic import TypeAdapter, ValidationError

from loganalysis.match.patterns import Pattern
from loganalysis.read.json_values import Json, JsonValue
from loganalysis.request.patterns import AnyPattern, TextOrObject

MAX_SETS = 20
SET_NAME = "^[a-z0-9][a-z0-9._-]{0,63}$"
"""A regex for names of sets, which are formed like those of queues."""


class SetConflict(Exception):
    """Two sets define one name differently. `index` is the place of the later one in the list."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(index, message)
        self.index, self.message = index, message


_PATTERN: TypeAdapter[AnyPattern] = TypeAdapter(TextOrObject)


def named_sets(payload: Mapping[str, JsonValue]) -> list[str]:
    """Return the names of sets in a payload that was not checked yet: each once, up to MAX_SETS."""
    names = payload.get("pattern_sets")
    if not isinstance(names, list):
        return []
    return list(dict.fromkeys(name for name in names[:MAX_SETS] if isinstance(name, str)))


def with_sets(payload: Mapping[str, JsonValue], sets: Mapping[str, Sequence[JsonValue]]) -> Json:
    """Return the payload with the patterns of these sets behind its own.

    A pattern of the payload replaces patterns of sets with its name, and equal patterns of several
    sets count once. Raises SetConflict if two sets define one name differently.
    """
    own = payload.get("patterns")
    is_auto = own == "auto"
    own = [] if own is None or is_auto else own
    if not isinstance(own, list):  # wrong, as the check of the payload will say
        return dict(payload)
    merged = _Merged(own)
    for name in named_sets(payload):
        for value in sets.get(name, ()):
            if (key := merged.add(value, name)) is not None:
                raise SetConflict(payload["pattern_sets"].index(name), merged.conflict(key))
    changed: Json = {"patterns": merged.patterns} if merged.patterns else {}
    if is_auto and payload.get("overview") is None:
        changed["overview"] = True
    return {**payload, **changed}


class _Merged:
    """The patterns of a payload, together with the patterns of sets that are added."""

    def __init__(self, own: list[JsonValue]) -> None:
        self.patterns = [*own]
        self._known: dict[str, tuple[Pattern, str]] = {}
        """By key: a pattern, and the name of its set; empty for one of the payload itself."""
        for value in own:
            if pattern := _pattern(value):
                self._known.setdefault(pattern.key, (pattern, ""))

    def add(self, value: JsonValue, origin: str) -> str | None:
        """Add a pattern of a set. Returns its key if another set has defined that differently."""
        pattern = _pattern(value)
        if pattern is None:  # stored by another release; the check will say what is wrong
            self.patterns.append(value)
            return None
        earlier, earlier_origin = self._known.setdefault(pattern.key, (pattern, origin))
        if earlier is pattern:
            self.patterns.append(value)
        return pattern.key if earlier_origin and earlier != pattern else None

    def conflict(self, key: str) -> str:
        """Say what is wrong with a pattern that was not added."""
        return (
            f'its pattern "{key[:100]}" is another one than that of the set {self._known[key][1]}:'
            f" rename one of them, or add a pattern with this name to patterns, which replaces both"
        )


def _pattern(value: JsonValue) -> Pattern | None:
    try:
        return _PATTERN.validate_python(value).to_pattern()
    except ValidationError:
        return None
