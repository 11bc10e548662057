"""Guards of dry runs and deadlines."""

from tests.mutants.mutant import Mutant

STORED = ("tests/storage/jobs/test_deadlines.py",)
REFUSED = ("tests/server/api/jobs/test_finish_by.py",)
EXPLAINED = ("tests/storage/queries/test_explain.py",)
TRIED = ("tests/server/api/jobs/test_dry_run.py",)

DEADLINES = (
    Mutant(
        "a dry run stores no job",
        "storage/store.py",
        "            raise _Undone\n",
        "",
        ("tests/storage/test_dry_run.py",),
    ),
    Mutant(
        "a dry run keeps no file",
        "server/api/jobs/jobs.py",
        "is_kept=not self._is_dry_run)",
        "is_kept=True)",
        TRIED,
    ),
    Mutant(
        "a dry run is not waited for",
        "server/api/jobs/jobs.py",
        "if is_dry_run and waits is not None:",
        "if False:",
        TRIED,
    ),
    Mutant(
        "a dry run has an id that no job has",
        "server/documents/explanations.py",
        "replace(job, id=NO_JOB) if is_new else job",
        "job",
        TRIED,
    ),
    Mutant(
        "a job that would miss its deadline is refused",
        "server/jobs/submissions.py",
        "        if job.finish_by is None:\n",
        "        if True:\n",
        REFUSED,
    ),
    Mutant(
        "a form of a job that would miss its deadline is refused before its file",
        "server/api/jobs/jobs.py",
        "        if self._checked and self.admission:\n",
        "        if False:\n",
        ("tests/server/http/test_early_answers.py",),
    ),
    Mutant(
        "a repeated submission is not refused for its deadline",
        "server/jobs/submissions.py",
        "        if await self._estimates.has_key(key):\n",
        "        if False:\n",
        REFUSED,
    ),
    Mutant(
        "a missed deadline is recorded once",
        "storage/jobs/deadlines.py",
        '    pw.SQL("missed_at IS NULL"),\n',
        "",
        STORED,
    ),
    Mutant(
        "a job that ended in time has missed nothing",
        "storage/jobs/deadlines.py",
        "(finished_at IS NULL OR finished_at > finish_by)",
        "(finished_at IS NULL OR finished_at > 0)",
        STORED,
    ),
    Mutant(
        "the event of a missed deadline is kept",
        "storage/jobs/deadlines.py",
        '"is_progress": pw.SQL("FALSE")',
        '"is_progress": EventRow.is_progress',
        STORED,
    ),
    Mutant(
        "a retry by a client takes the deadline away",
        "storage/jobs/transitions.py",
        '"finish_by", "missed_at", ',
        "",
        STORED,
    ),
    Mutant(
        "explain tells of a deadline that is at risk",
        "server/documents/explanations.py",
        "    elif end > job.finish_by:\n",
        "    elif False:\n",
        EXPLAINED,
    ),
    Mutant(
        "explain compares the expiry with the start",
        "server/documents/explanations.py",
        "        if explanation.earliest_start < job.expires_at:\n",
        "        if True:\n",
        EXPLAINED,
    ),
    Mutant(
        "a running job runs no longer than its timeout",
        "storage/queries/explain.py",
        "return min(left, max(0.0, (job.timeout or UNKNOWN) - elapsed)) if",
        "return left if",
        EXPLAINED,
    ),
)
