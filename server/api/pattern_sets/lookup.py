"""Finds pattern sets by their names, which follow the rules for names of queues.

A saved set hides a built-in one that a later release added. `BUILT_IN` has the built-in ones.
"""

from difflib import get_close_matches

from loganalysis import BUILT_IN as BUILT_IN
from server.api.pattern_sets.documents import (
    PatternSetDocument,
    PatternSetHeadDocument,
    built_in_head,
    head_document,
    set_document,
)
from server.jobs.validation.sets import FoundSets
from server.store.threads import StoreThreads
from storage.jobs.pattern_sets import PatternSets
from storage.records.json_values import JsonValue
from storage.records.queue_name import is_queue_name

MAX_NAMES = 3
"""Near names in an error."""


class PatternSetLookup:
    """Reads saved and built-in sets. Raises StoreError when the store fails.

    `saved` has the saved ones.
    """

    def __init__(self, saved: PatternSets, threads: StoreThreads):
        self.saved = saved
        self._threads = threads

    async def all(self) -> list[PatternSetHeadDocument]:
        """Return all sets without their patterns, sorted by name."""
        saved = await self._threads.run(self.saved.all)
        found = {
            name: built_in_head(name, each.description, len(each.patterns))
            for name, each in BUILT_IN.items()
        }
        found |= {head.name: head_document(head) for head in saved}
        return [found[name] for name in sorted(found)]

    async def get(self, name: str) -> PatternSetDocument | None:
        """Return a set, or None."""
        if not is_queue_name(name):
            return None
        saved = await self._threads.run(self.saved.get, name)
        if saved is None:
            return _built_in(name)
        return set_document(saved)

    async def find(self, names: list[str]) -> FoundSets:
        """Return the patterns of these sets, and what to say about names that no set has.

        A name that no set can have is left out: the check of the payload says so.
        """
        asked = [name for name in names if is_queue_name(name)]
        saved = await self._threads.run(self.saved.some, asked)
        patterns: dict[str, list[JsonValue]] = {}
        for name in asked:
            if name in saved:
                patterns[name] = saved[name].patterns
            elif built_in := _built_in(name):
                patterns[name] = built_in["patterns"]
        unknown = [name for name in asked if name not in patterns]
        if not unknown:
            return FoundSets(patterns, {})
        known = [each["name"] for each in await self.all()]
        return FoundSets(patterns, {name: _unknown(name, known) for name in unknown})


def _built_in(name: str) -> PatternSetDocument | None:
    found = BUILT_IN.get(name)
    if found is None:
        return None
    patterns = [dict(each.document()) for each in found.patterns]
    head = built_in_head(name, found.description, len(patterns))
    return {**head, "patterns": [*patterns]}


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, MAX_NAMES)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return f"there is no such pattern set; {hint}GET /pattern-sets lists all"
