"""Guards of unique keys and of concurrency keys."""

from tests.mutants.mutant import Mutant

STORED = ("tests/storage/jobs/test_unique_keys.py",)
API = ("tests/server/api/jobs/test_unique_keys.py",)

UNIQUE_KEYS = (
    Mutant(
        "a second job with a unique key is not stored",
        "storage/store.py",
        "            if holder is not None:\n                return holder\n",
        "",
        STORED,
    ),
    Mutant(
        "a job holds its key as long as its scope says",
        "storage/jobs/unique_keys.py",
        """    " OR unique_scope = 'running' AND status IN ('queued', 'running')"\n""",
        """    " OR unique_scope = 'running' AND status = 'queued'"\n""",
        STORED,
    ),
    Mutant(
        "jobs that are stored together do not share a key",
        "storage/jobs/unique_keys.py",
        "        if job.unique_key in seen:\n",
        "        if False:\n",
        STORED,
    ),
    Mutant(
        "only a queued job is replaced",
        "storage/jobs/unique_keys.py",
        'row["status"] == Status.QUEUED and (is_own or job.replaces_all)',
        "(is_own or job.replaces_all)",
        STORED,
    ),
    Mutant(
        "a caller replaces no job of another caller",
        "storage/jobs/unique_keys.py",
        'row["status"] == Status.QUEUED and (is_own or job.replaces_all)',
        'row["status"] == Status.QUEUED',
        (
            "tests/server/auth/test_permissions.py::test_a_submission_replaces_only_jobs_of_its_caller_except_for_admins",
        ),
    ),
    Mutant(
        "a job that is refused for another reason replaces nothing",
        "storage/store.py",
        " or isinstance(row, Refusal | MissingPredecessors):\n",
        ":\n",
        STORED,
    ),
    Mutant(
        "a client retries no job whose key another job holds",
        "storage/jobs/transitions.py",
        "        if other_holder(self._database, job_id):\n            return False\n",
        "",
        STORED,
    ),
    Mutant(
        "the idempotency key of a refused job is freed",
        "storage/store.py",
        "delete_keys(self._database, [key for key in refused if key not in answers])",
        "delete_keys(self._database, [])",
        STORED,
    ),
    Mutant(
        "an idempotency key stands for the job that was returned",
        "storage/store.py",
        "            change_jobs(self._database, answers)\n",
        "",
        STORED,
    ),
    Mutant(
        "the file of a job whose key another job holds is deleted",
        "server/jobs/submissions.py",
        "self.replayed or self.reused is not None or self.existing is not None",
        "self.replayed or self.reused is not None",
        API,
    ),
    Mutant(
        "options of a unique key need one",
        "server/jobs/validation/conflicts.py",
        "if document.get(name) is not None and document.get(key) is None:",
        "if False:",
        API,
    ),
)

PLACES = ("tests/storage/waiting/test_places.py",)

CONCURRENCY_KEYS = (
    Mutant(
        "no more jobs of a key get places than it allows",
        "storage/waiting/places.py",
        'return not self.is_starting and self.taken < job["max_per_key"]',
        "return not self.is_starting",
        PLACES,
    ),
    Mutant(
        "a key has only one job in front of the jobs of others",
        "storage/waiting/places.py",
        'return not self.is_starting and self.taken < job["max_per_key"]',
        'return self.taken < job["max_per_key"]',
        PLACES,
    ),
    Mutant(
        "a job that does not start does not keep others of its key from starting",
        "storage/waiting/places.py",
        "(JobRow.run_at <= _NOW) & (JobRow.run_at > _RECENTLY)",
        "JobRow.run_at <= _NOW",
        PLACES,
    ),
    Mutant(
        "a job that waits for a retry does not keep others of its key from starting",
        "storage/waiting/places.py",
        "(JobRow.run_at <= _NOW) & (JobRow.run_at > _RECENTLY)",
        "JobRow.run_at > _RECENTLY",
        PLACES,
    ),
    Mutant(
        "a new job takes no place that others have",
        "storage/waiting/places.py",
        "elif of_key.waiting or not of_key.has_place_for(row):",
        "elif of_key.waiting:",
        PLACES,
    ),
    Mutant(
        "jobs that are stored together count each other",
        "storage/waiting/places.py",
        "of_key.taken, of_key.is_starting = of_key.taken + 1, True",
        "pass",
        PLACES,
    ),
    Mutant(
        "a job takes no place before its time",
        "storage/waiting/places.py",
        '        if due_at > row["created_at"]:\n',
        "        if False:\n",
        PLACES,
    ),
    Mutant(
        "a job takes no place while something else holds it",
        "storage/waiting/places.py",
        '        elif row.get("holds"):\n            hold(row, Hold.KEY)\n',
        "",
        PLACES,
    ),
    Mutant(
        "a waiting job that was put off takes no place",
        "storage/waiting/places.py",
        "WAITS_FOR_PLACE, JobRow.due_at <= _NOW",
        "WAITS_FOR_PLACE",
        PLACES,
    ),
    Mutant(
        "the end of a job with a key is noted",
        "storage/waiting/places.py",
        '        row["watched"] = row.get("watched", 0) | Watch.KEYS\n',
        "",
        PLACES,
    ),
    Mutant(
        "a retry by a client waits for a place",
        "storage/migrations/schema/sqlite.sql",
        "AND OLD.finished_at IS NOT NULL\n    AND NEW.finished_at IS NULL)",
        "AND FALSE)",
        PLACES,
    ),
    Mutant(
        "a job that begins to wait for a place is noted",
        "storage/migrations/schema/sqlite.sql",
        " AND NEW.holds = 2 AND OLD.holds <> 2)",
        " AND FALSE)",
        PLACES,
    ),
    Mutant(
        "a place that nobody was told of is found",
        "storage/waiting/place_sweep.py",
        "        self._fill_forgotten_places()\n",
        "",
        PLACES,
    ),
    Mutant(
        "a look that finds ended jobs is acted on once",
        "runner/supervisor/supervisor.py",
        "self._claims.has_ended, self._claims.started_keys = False, set()",
        "self._claims.started_keys = set()",
        ("tests/runner/supervisor/test_supervisor.py",),
    ),
    Mutant(
        "the next place of a key is given once",
        "runner/supervisor/supervisor.py",
        "self._claims.has_ended, self._claims.started_keys = False, set()",
        "self._claims.has_ended = False",
        ("tests/runner/supervisor/test_supervisor.py",),
    ),
    Mutant(
        "max_per_key needs a concurrency key",
        "server/jobs/validation/conflicts.py",
        '    "max_per_key": "concurrency_key",\n',
        "",
        ("tests/server/api/jobs/test_concurrency_keys.py",),
    ),
)
