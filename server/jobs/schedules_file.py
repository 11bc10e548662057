"""Loads the schedules of SCHEDULES_FILE when a listener starts.

The file is a JSON object: schedules as `PUT /schedules/NAME` takes them, by their names, or null to
delete one. Loading it again changes nothing. All of it is checked before anything is stored.
"""

import logging
from pathlib import Path

from server.auth.callers import UNRESTRICTED
from server.http import strict_json
from server.http.problems import Problem
from server.jobs.schedules import ScheduleService
from server.store.threads import StoreThreads
from storage.jobs.queues import Queues, TooManyQueues
from storage.records.job import StoreUnusable
from storage.records.json_values import Json, JsonValue
from storage.records.queue_name import validate_queue_name
from storage.records.schedule import ScheduleSettings

log = logging.getLogger(__name__)

MAX_BYTES = 16 * 1024**2
MAX_SHOWN = 10
"""How many errors are reported."""
EXAMPLE = '{"type": "sleep", "payload": {"seconds": 5}, "cron": "@daily"}'


async def load_schedules(
    path: Path, schedules: ScheduleService, queues: Queues, threads: StoreThreads
) -> None:
    """Create, replace and delete schedules as a file says. Creates the queues that they name.

    Raises StoreUnusable, which says what is wrong with the file, and StoreError.
    """
    try:
        documents = read_file(path)
        settings = await _check(documents, schedules)
        for queue in sorted({_queue_of(each) for each in documents.values()} - {""}):
            await threads.run(queues.put, queue)
        changed = deleted = 0
        for name, document in documents.items():
            if document is None:
                deleted += await schedules.remove(name)
            else:
                changed += await schedules.load(name, document, settings[name])
    except (ValueError, Problem, TooManyQueues) as error:
        reason = str(error) or "its queues are too many"
        raise StoreUnusable(f"SCHEDULES_FILE={path}: {reason}") from None
    extra = {"schedules": len(settings), "changed": changed, "deleted": deleted}
    log.info("schedules loaded from SCHEDULES_FILE", extra=extra)


def read_file(path: Path) -> Json:
    """Return the documents in a file by their names. Raises ValueError with the reason."""
    documents = strict_json.read_file(path, MAX_BYTES)
    if not isinstance(documents, dict):
        example = f'{{"nightly": {EXAMPLE}}}'
        raise ValueError(f"it must be an object of schedules by their names, such as {example}")
    return documents


async def _check(documents: Json, schedules: ScheduleService) -> dict[str, ScheduleSettings]:
    """Check all schedules. Raises ValueError with one error on each line."""
    settings: dict[str, ScheduleSettings] = {}
    errors: list[str] = []
    for name, document in documents.items():
        try:
            validate_queue_name(name)
            if not isinstance(document, dict | None):
                errors.append(f"{name}: it must be an object such as {EXAMPLE}, or null")
            elif document is not None:
                settings[name] = await schedules.settings_of(document, UNRESTRICTED, is_file=True)
        except ValueError as error:
            errors.append(f"the name {name[:100]!r}: {error}")
        except Problem as problem:
            if problem.status >= 500:
                raise
            errors += [f"{name}: {error}" for error in problem.errors]
    if errors:
        more = [f"and {len(errors) - MAX_SHOWN} more"] if len(errors) > MAX_SHOWN else []
        raise ValueError("\n  ".join([*errors[:MAX_SHOWN], *more]))
    return settings


def _queue_of(document: JsonValue) -> str:
    options = (document or {}).get("options") or {}
    queue: str = options.get("queue", "")
    return queue
