"""Guards of unique keys."""

from tests.mutants.mutant import Mutant

STORED = ("tests/storage/jobs/test_unique_keys.py",)
API = ("tests/server/handlers/test_unique_keys.py",)

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
        "            number = seen[job.unique_key]\n",
        "",
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
        "server/checking/conflicts.py",
        'if document.get(name) is not None and document.get("unique_key") is None:',
        "if False:",
        API,
    ),
)
