"""The prepared statements of a search.

A guard selects a range of an index. It is a mapping with the column `type`, with `type` and
`status`, with `tag`, with `predecessor_id`, with `schedule`, with `submitted_by`, or an empty one.
Only the statuses in UNSUCCESSFUL have such ranges.
"""

from collections.abc import Iterable

import peewee as pw

from storage.db.database import Database
from storage.db.models import FollowerRow, JobRow, TagRow, UploadRow
from storage.db.parameters import parameter, unindexed
from storage.db.statements import Values
from storage.jobs.open_queues import IS_QUEUED, IS_RUNNING, UNFINISHED
from storage.records.states import Status

UNSUCCESSFUL = frozenset({Status.FAILED, Status.CANCELED})
# A literal: a database uses a partial index only if it can prove the index's condition.
_IS_UNSUCCESSFUL = pw.SQL("status IN ('failed', 'canceled')")
_HAS_TYPE = pw.SQL("type <> ''")


def _within(guard: Values) -> list[pw.Node]:
    """The condition on ids between `least` and `before`, within the range of a guard.

    The guard and the id are compared as one row value, which is one range of the index. With
    separate conditions, PostgreSQL might walk the index on ids, and filter most of the jobs out.
    """
    columns = _key(guard)
    start, end = (
        pw.Tuple(*map(parameter, columns[:-1]), parameter(columns[-1], name))
        for name in ("least", "before")
    )
    if not guard:
        return [JobRow.id >= start, JobRow.id < end]
    within = [pw.Tuple(*columns) >= start, pw.Tuple(*columns) < end]
    if _table(guard) is not JobRow:
        return within
    for name in ("schedule", "submitted_by"):
        if name in guard:
            return [*within, getattr(JobRow, name).is_null(False)]
    return [*within, _IS_UNSUCCESSFUL if "status" in guard else _HAS_TYPE]


def _key(guard: Values) -> list[pw.Field]:
    """The columns of the index of a guard. The last one is the id."""
    table = _table(guard)
    return [getattr(table, name) for name in (*guard, "id" if table is JobRow else "job_id")]


def _table(guard: Values) -> type[pw.Model]:
    """The table with the index of a guard; one other than that of the jobs has a `job_id`."""
    others = {"tag": TagRow, "predecessor_id": FollowerRow}
    return next((others[name] for name in guard if name in others), JobRow)


def _newest_first(guard: Values) -> list[pw.Node]:
    return [column.desc() for column in _key(guard)]


def _ids(guard: Values) -> pw.Select:
    """The query for the ids of jobs by the index of a guard."""
    return _table(guard).select(_key(guard)[-1].alias("id"))


def select_ids(guard: Values, count: int) -> pw.Select:
    """Up to `count` ids between `least` and `before`, newest first, within the range of a guard."""
    return _ids(guard).where(*_within(guard)).order_by(*_newest_first(guard)).limit(count)


def select_last(guard: Values, count: int) -> pw.Select:
    """The oldest id that `select_ids` would find, as text, or null. Texts sort like their ids."""
    some = select_ids(guard, count).alias("some")
    return pw.Select([some], [pw.fn.MIN(some.c.id.cast("TEXT")).alias("id")])


def select_range_count(guard: Values) -> pw.Select:
    """The number of ids between `least` and `before` within the range of a guard, up to `limit`."""
    limit = parameter(pw.IntegerField(), "limit")
    some = _ids(guard).where(*_within(guard)).limit(limit).alias("some")
    return pw.Select([some], [pw.fn.COUNT(pw.SQL("*")).alias("count")])


def select_chosen(database: Database, guard: Values, names: Values) -> pw.Select:
    """All ids between `least` and `before` that match the named filters, newest first.

    With the filter `failure`, which no condition expresses, also the types and the errors.
    """
    query = _ids(guard)
    if "failure" in names:
        query = query.select_extend(JobRow.type, JobRow.error)
    if _table(guard) is not JobRow:
        query = query.join(JobRow, on=(JobRow.id == _key(guard)[-1]))
    chosen = query.where(*_within(guard), *_chosen(database, names))
    return chosen.order_by(*_newest_first(guard))


def select_unfinished(database: Database, names: Values, status: str) -> pw.Select:
    """All ids of the jobs with a status that is not final, otherwise like `select_chosen`."""
    conditions = _is_unfinished(status), *_within({}), *_chosen(database, names)
    query = JobRow.select(JobRow.id).where(*conditions)
    return database.engine.by_index(query.order_by(JobRow.id.desc()), JobRow, UNFINISHED)


def select_count(database: Database, status: str, limit: int) -> pw.Select:
    """The number of jobs with a status that is not final, up to a limit."""
    some = JobRow.select(JobRow.id).where(_is_unfinished(status)).limit(limit)
    some = database.engine.by_index(some, JobRow, UNFINISHED).alias("some")
    return pw.Select([some], [pw.fn.COUNT(pw.SQL("*")).alias("count")])


def _is_unfinished(status: str) -> pw.SQL:
    return IS_QUEUED if status == Status.QUEUED else IS_RUNNING


def _chosen(database: Database, names: Values) -> list[pw.Node]:
    """The conditions of the named filters."""
    text = parameter(JobRow.payload, "text"), parameter(JobRow.payload, "quoted")
    named = UploadRow.select(UploadRow.id).where(
        UploadRow.id == JobRow.upload_id, database.engine.contains(UploadRow.name, text[0])
    )
    in_text = database.engine.contains(JobRow.payload, text[1]) | pw.fn.EXISTS(named)
    in_text |= database.engine.contains(JobRow.metadata, text[1])
    if "id_part" in names:
        digits = pw.fn.REPLACE(JobRow.id.cast("TEXT"), "-", "")
        in_text |= database.engine.contains(digits, parameter(JobRow.payload, "id_part"))
    conditions = {
        "created_after": JobRow.created_at >= parameter(JobRow.created_at, "created_after"),
        "created_before": JobRow.created_at < parameter(JobRow.created_at, "created_before"),
        "finished_after": JobRow.finished_at >= parameter(JobRow.finished_at, "finished_after"),
        "finished_before": JobRow.finished_at < parameter(JobRow.finished_at, "finished_before"),
        "queue": JobRow.queue == parameter(JobRow.queue),
        "submitted_by": unindexed(JobRow.submitted_by) == parameter(JobRow.submitted_by),
        "schedule": unindexed(JobRow.schedule) == parameter(JobRow.schedule),
        "text": in_text,
        "type": unindexed(JobRow.type) == parameter(JobRow.type),
        **{f"status {each}": unindexed(JobRow.status) == each for each in Status},
        **{name: has_tag(name) for name in names if name.startswith("tag ")},
    }
    chosen = [condition for name, condition in conditions.items() if name in names]
    return [*chosen, *in_queues(names)]


def queue_values(queues: Iterable[str]) -> dict[str, str]:
    """Return the parameters of `in_queues`, `queue 0` and so on, with the names of the queues."""
    return {f"queue {number}": queue for number, queue in enumerate(sorted(queues))}


def in_queues(names: Iterable[str]) -> list[pw.Node]:
    """The condition that a job is in one of the queues of `queue_values`; none without them."""
    queues = [parameter(JobRow.queue, name) for name in names if name.startswith("queue ")]
    return [JobRow.queue.in_(queues)] if queues else []


def has_tag(name: str) -> pw.Function:
    """The condition that a job has the tag that is the parameter `name`."""
    tagged = TagRow.alias("tagged")
    one = tagged.select(tagged.job_id).where(
        tagged.tag == parameter(TagRow.tag, name), tagged.job_id == JobRow.id
    )
    return pw.fn.EXISTS(one)


def select_tag_count(limit: int) -> pw.Select:
    """The number of jobs with a tag, up to a limit."""
    some = TagRow.select(TagRow.job_id).where(TagRow.tag == parameter(TagRow.tag)).limit(limit)
    some = some.alias("some")
    return pw.Select([some], [pw.fn.COUNT(pw.SQL("*")).alias("count")])


def select_type_after() -> pw.Select:
    """The next type after `after`, in alphabetical order, that any job has."""
    after = JobRow.type > parameter(JobRow.type, "after")
    return JobRow.select(JobRow.type).where(after, _HAS_TYPE).order_by(JobRow.type).limit(1)
