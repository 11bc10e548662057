"""Guards of tags and metadata, and of changes of queued jobs."""

from tests.mutants.mutant import Mutant

STORED = ("tests/storage/jobs/test_tags.py",)
API = ("tests/server/api/jobs/test_tags.py",)

TAGS = (
    Mutant(
        "a list by several tags checks all of them",
        "storage/queries/search.py",
        '        self._looked_at |= {f"tag {number}": tag for number, tag in enumerate(others)}\n',
        "",
        STORED,
    ),
    Mutant(
        "few jobs with a status are found by it, not by a frequent tag",
        "storage/queries/search.py",
        "        return ranges if self._count_range(other, ended + 1) > ended else []\n",
        "        return []\n",
        STORED,
    ),
    Mutant(
        "a rare tag is not looked for among more jobs with a status",
        "storage/queries/search.py",
        "        return ranges if self._count_range(other, ended + 1) > ended else []\n",
        "        return ranges\n",
        STORED,
    ),
    Mutant(
        "the tags of a deleted job are deleted",
        "storage/migrations/schema/sqlite.sql",
        "WHEN (OLD.tags IS NOT NULL)",
        "WHEN (FALSE)",
        STORED,
    ),
    Mutant(
        "only the tags of the deleted job are deleted",
        "storage/migrations/schema/sqlite.sql",
        "WHERE job_id = OLD.id AND tag IN",
        "WHERE tag IN",
        STORED,
    ),
    Mutant(
        "a tag that is given twice counts once",
        "server/documents/options/tags.py",
        "Field(max_length=MAX_TAGS), AfterValidator(_each_once)]",
        "Field(max_length=MAX_TAGS)]",
        API,
    ),
    Mutant(
        "the size of metadata is limited",
        "server/documents/options/tags.py",
        "if size > MAX_METADATA_BYTES:",
        "if size > 10 * MAX_METADATA_BYTES:",
        API,
    ),
    Mutant(
        "a stream leaves out the events of jobs without its tags",
        "server/events/documents.py",
        "has_tags = set(self.tag or ()).issubset(event.tags)",
        "has_tags = True",
        API,
    ),
    Mutant(
        "a wait by tag looks for jobs that came meanwhile",
        "server/jobs/jobs.py",
        "                before = None\n",
        "                return True\n",
        API,
    ),
)

CHANGES = (
    Mutant(
        "only a queued job is changed",
        "storage/jobs/statements.py",
        "    is_queued = unindexed(JobRow.status) == Status.QUEUED\n",
        "    is_queued = JobRow.id.is_null(False)\n",
        ("tests/storage/jobs/test_changes.py",),
    ),
    Mutant(
        "a changed job loses its old tags",
        "storage/jobs/changes.py",
        "TagRow.delete().where(TagRow.tag.in_(old), TagRow.job_id == job_id)",
        "TagRow.delete().where(TagRow.tag.in_([]), TagRow.job_id == job_id)",
        ("tests/storage/jobs/test_changes.py",),
    ),
    Mutant(
        "the queue of a changed job must exist",
        "storage/store.py",
        "if queue != DEFAULT_QUEUE and not existing_queues(self._database, [queue]):",
        "if False:",
        ("tests/storage/jobs/test_changes.py",),
    ),
    Mutant(
        "a job is changed only if its conditions hold",
        "server/jobs/jobs.py",
        "check = job_check(conditions, {Status.QUEUED})",
        "check = None",
        ("tests/server/api/jobs/test_changes.py",),
    ),
)

EXPIRY = (
    Mutant(
        "a claim starts no expired job",
        "storage/claims.py",
        "expired = [row for row in rows if is_expired(row, now)]",
        "expired: Rows = []",
        ("tests/storage/jobs/test_expiry.py",),
    ),
    Mutant(
        "a retry by a client takes the expiry away",
        "storage/jobs/transitions.py",
        '(*ends, "expires_at", ',
        "(*ends, ",
        ("tests/storage/jobs/test_expiry.py",),
    ),
    Mutant(
        "a job that expires before it is due is refused",
        "server/jobs/validation/conflicts.py",
        "isinstance(limit, int | float) and limit <= delay:",
        "isinstance(limit, int | float) and limit < 0:",
        ("tests/server/api/jobs/test_expiry_and_backoff.py",),
    ),
    Mutant(
        "a job that has expired already is refused",
        "storage/store.py",
        "expires_at <= max(now, start_of(job, now)):",
        "False:",
        ("tests/server/api/jobs/test_expiry_and_backoff.py",),
    ),
    Mutant(
        "a queued job is not moved behind its expiry",
        "storage/store.py",
        'if expires_at is not None and expires_at <= changes["run_at"]:',
        "if False:",
        ("tests/server/api/jobs/test_changes.py",),
    ),
    Mutant(
        "a schedule that ends in the past is refused",
        "server/jobs/schedules.py",
        "        if until is None:\n",
        "        if True:\n",
        ("tests/server/api/test_schedules.py",),
    ),
    Mutant(
        "a job waits before a retry as its backoff says",
        "runner/supervisor/running_jobs.py",
        "        if job.backoff is None:\n",
        "        if True:\n",
        ("tests/runner/supervisor/test_settle.py",),
    ),
)
