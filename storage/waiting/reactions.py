"""The one list of all reactions to the end of a watched job."""

from storage.db.clock import Clock
from storage.db.database import Database
from storage.notify.wakeup import Wakeup
from storage.records.holds import Watch
from storage.waiting import batch_ends, dependencies
from storage.waiting.ended import Reactions, process_ended
from storage.waiting.places import react_to_free_places

REACTIONS: Reactions = {
    Watch.DEPENDENCIES: dependencies.react,
    Watch.BATCHES: batch_ends.react,
    Watch.KEYS: react_to_free_places,
}


def react_to_ended(database: Database, wakeup: Wakeup, clock: Clock) -> bool:
    """Let all reactions act on a batch of ended jobs. Returns whether there may be more."""
    return process_ended(database, wakeup, clock, REACTIONS)
