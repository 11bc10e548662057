"""Guards of what clients can do to jobs, and of what they are told."""

from tests.mutants.mutant import Mutant

STATES = ("tests/storage/records/test_states.py",)

API = (
    Mutant(
        "a search through many jobs is bounded",
        "storage/queries/search.py",
        "elif clock() > deadline:",
        "elif False:",
        ("tests/server/handlers/test_lists.py",),
    ),
    Mutant(
        "a search by time knows the skew of ids",
        "storage/store.py",
        "        self._skew.record(rows)\n",
        "",
        ("tests/server/handlers/test_lists.py",),
    ),
    Mutant(
        "a bulk change is bounded",
        "storage/queries/bulk.py",
        "limit = DRY_LIMIT if dry_run else LIMIT",
        "limit = 1 << 30",
        ("tests/server/handlers/test_bulk.py",),
    ),
    Mutant(
        "a dry run changes nothing",
        "storage/queries/bulk.py",
        "in () if dry_run else range(",
        "in range(",
        ("tests/server/handlers/test_bulk.py",),
    ),
    Mutant(
        "a bulk change names its filters, or all",
        "server/documents/filters.py",
        "if self.all == self.has_filter():",
        "if False:",
        ("tests/server/handlers/test_bulk.py",),
    ),
    Mutant(
        "a time has an offset from UTC",
        "server/documents/times.py",
        'if match["clock"] and not match["offset"]:',
        "if False:",
        ("tests/server/documents/test_times.py",),
    ),
    Mutant(
        "an unknown query parameter is refused",
        "server/handlers/query.py",
        "if name not in known:",
        "if False:",
        ("tests/server/handlers/test_query.py",),
    ),
    Mutant(
        "a query parameter is not repeated",
        "server/handlers/query.py",
        "elif len(values) > 1 and name not in repeatable:",
        "elif False:",
        ("tests/server/handlers/test_query.py",),
    ),
    Mutant(
        "the wrong query parameters that are reported are bounded",
        "server/handlers/query.py",
        "MAX_WRONG)):",
        "None)):",
        ("tests/server/handlers/test_query.py",),
    ),
    Mutant(
        "a call is refused if its conditions do not hold",
        "server/http/conditions.py",
        "        self.require_match(etag)\n",
        "",
        ("tests/server/handlers/test_conditional.py",),
    ),
    Mutant(
        "a job stays as it is between its check and its change",
        "storage/store.py",
        "        self._database.next_version(0)  # so that the job stays",
        "        # so that the job stays",
        ("tests/server/handlers/test_conditional.py",),
    ),
    Mutant(
        "a deletion checks the conditions",
        "storage/jobs/retention.py",
        "if check is not None:",
        "if False:",
        ("tests/server/handlers/test_conditional.py",),
    ),
    Mutant(
        "rolled-back changes are not counted",
        "storage/db/database.py",
        "        self.counters.take()  # drops the counts of a failed transaction\n",
        "",
        ("tests/server/documents/test_metrics.py",),
    ),
    Mutant(
        "a store that accepts no change is not ready",
        "storage/queries/health.py",
        "        database.next_version(0)\n",
        "",
        ("tests/server/documents/test_metrics.py",),
    ),
    Mutant(
        "a key stands for one job",
        "storage/migrations/0004_submission_key.py",
        "key TEXT PRIMARY KEY",
        "key TEXT",
        ("tests/server/store/test_idempotency.py",),
    ),
    Mutant(
        "a key goes with its job",
        "storage/migrations/0004_submission_key.py",
        "ON DELETE CASCADE ",
        "",
        ("tests/server/store/test_idempotency.py",),
    ),
    Mutant(
        "a key with another submission is refused",
        "server/handlers/jobs.py",
        "if stored.fingerprint != fingerprint(job):",
        "if False:",
        ("tests/server/store/test_idempotency.py",),
    ),
    Mutant(
        "two requests at once cannot use one key",
        "server/store/idempotency.py",
        "if key in self._keys:",
        "if False:",
        ("tests/server/store/test_idempotency.py",),
    ),
    Mutant(
        "a succeeded job is never queued again",
        "storage/records/states.py",
        "frozenset({Status.FAILED, Status.CANCELED})",
        "FINAL",
        STATES,
    ),
    Mutant(
        "a change takes its version before it locks a job",
        "storage/store.py",
        "            self._transitions.cancel(job_id, self._clock(), by)\n",
        "            of_job = JobRow.select(JobRow.id).where(JobRow.id == job_id)\n"
        "            self._database.rows(self._database.lock(of_job))\n"
        "            self._transitions.cancel(job_id, self._clock(), by)\n",
        ("tests/server/handlers/test_retry_and_delete.py",),
    ),
    Mutant(
        "a claim waits for the version lock before it locks jobs",
        "storage/claiming/claim.py",
        "last_offset = self._database.next_version_offset(limit + prefetch)",
        "last_offset = 0",
        ("tests/server/handlers/test_retry_and_delete.py",),
    ),
    Mutant(
        "only final jobs are deleted",
        "storage/jobs/retention.py",
        "if status not in FINAL:",
        "if False:",
        ("tests/server/handlers/test_retry_and_delete.py",),
    ),
)
