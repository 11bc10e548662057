"""Pattern sets: patterns for jobs of the type analyze that clients have saved under a name.

A job keeps a copy of the patterns that it was submitted with, so changes of a set change no job.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from storage.audit.record import record
from storage.db.clock import Clock
from storage.db.database import Database
from storage.db.models import PatternSetRow
from storage.db.statements import Row
from storage.jobs.shares import require_row_room
from storage.records.audit import Actor
from storage.records.json_values import JsonValue
from storage.records.shares import NoRoom

MAX_PATTERN_SETS = 200
"""How many sets the store holds."""


class TooManyPatternSets(NoRoom):
    """There are MAX_PATTERN_SETS already, or the caller has its share of them."""


@dataclass(frozen=True)
class PatternSetHead:
    """A saved set without its patterns.

    `created_by` and `changed_by` are names of callers, None without tokens. Times are milliseconds
    since 1970. `version` is 1 for a new set, and grows by one with each change.
    """

    name: str
    pattern_count: int
    description: str
    created_by: str | None
    changed_by: str | None
    created_at: int
    changed_at: int
    version: int


@dataclass(frozen=True)
class PatternSet(PatternSetHead):
    """A saved set. `patterns` are values as JSON has them, as clients submitted them."""

    patterns: list[JsonValue]


PatternSetCheck = Callable[[PatternSet | None], None]
"""Is called with a set before a client changes it, in the same transaction: no one else can change
the set between the two. None if it does not exist. Raises an exception if the client may not."""


class PatternSets:
    """Saves, reads and deletes pattern sets; may be used by many threads.

    Every method raises StoreUnavailable, StoreFull or StoreUnusable when the store fails.
    """

    def __init__(self, database: Database, clock: Clock):
        self._database = database
        self._clock = clock

    def all(self) -> list[PatternSetHead]:
        """Return all sets without their patterns, ordered by name."""
        columns = [each for each in PatternSetRow._meta.sorted_fields if each.name != "patterns"]
        rows = self._database.rows(PatternSetRow.select(*columns))
        # A database may sort texts by its own rules.
        return sorted((PatternSetHead(**row) for row in rows), key=lambda head: head.name)

    def get(self, name: str) -> PatternSet | None:
        """Return a set, or None."""
        return self.some([name]).get(name)

    def some(self, names: Collection[str]) -> dict[str, PatternSet]:
        """Return the sets with these names that exist, by name."""
        query = PatternSetRow.select().where(PatternSetRow.name.in_(list(names)))
        return {row["name"]: _pattern_set(row) for row in self._database.rows(query)}

    def put(
        self,
        name: str,
        patterns: Sequence[JsonValue],
        description: str,
        caller: str | None,
        check: PatternSetCheck,
        actor: Actor | None = None,
        sharer: str | None = None,
    ) -> tuple[PatternSet, bool]:
        """Create a set, or replace all of it. Returns the set, and whether it is new.

        With an actor, this is recorded in the audit log. `sharer` is the caller if it has only a
        share of the limit. Raises TooManyPatternSets, and what `check` raises.
        """
        text = json.dumps(patterns, ensure_ascii=False, separators=(",", ":"))
        values = {"patterns": text, "pattern_count": len(patterns), "description": description}
        with self._database.transaction():
            self._database.next_version(0)  # the version lock serializes it with all other changes
            old, now = self.get(name), self._clock()
            check(old)
            if old is None:
                require_row_room(
                    self._database, PatternSetRow, MAX_PATTERN_SETS, sharer, TooManyPatternSets
                )
                values |= {"created_by": caller, "created_at": now, "version": 1}
            else:
                values |= {"created_by": old.created_by, "created_at": old.created_at}
                values |= {"version": old.version + 1}
            values |= {"name": name, "changed_by": caller, "changed_at": now}
            if old is None:
                self._database.run(PatternSetRow.insert(**values))
            else:
                self._database.run(PatternSetRow.update(**values).where(PatternSetRow.name == name))
            known = {"patterns": len(patterns), "version": values["version"]}
            record(self._database, actor, "put pattern set", "pattern set", name, now, **known)
        return _pattern_set(values), old is None

    def delete(self, name: str, check: PatternSetCheck, actor: Actor | None = None) -> bool:
        """Delete a set. Returns False if there is none. Raises what `check` raises."""
        with self._database.transaction():
            self._database.next_version(0)
            check(self.get(name))
            row = PatternSetRow.delete().where(PatternSetRow.name == name)
            deleted = self._database.changed(row) == 1
            if deleted:
                now = self._clock()
                record(self._database, actor, "delete pattern set", "pattern set", name, now)
            return deleted


def _pattern_set(row: Row) -> PatternSet:
    return PatternSet(**{**row, "patterns": json.loads(row["patterns"])})
