"""Guards of optimistic transactions."""

from tests.mutants.mutant import Mutant

OPTIMISTIC_TESTS = ("tests/storage/db/test_optimistic.py",)

OPTIMISTIC = (
    Mutant(
        "an optimistic claim requires an unchanged job",
        "storage/jobs/statements.py",
        'return JobRow.version == parameter(JobRow.version, "expected_version"), may_claim',
        "return (may_claim,)",
        OPTIMISTIC_TESTS,
    ),
    Mutant(
        "an optimistic claim requires a queue that is not paused",
        "storage/jobs/statements.py",
        "QueueRow.paused_at.is_null(), QueueRow.max_running.is_null()",
        "(QueueRow.max_running.is_null(),)",
        OPTIMISTIC_TESTS,
    ),
    Mutant(
        "an optimistic claim requires a queue without a limit",
        "storage/jobs/statements.py",
        "QueueRow.paused_at.is_null(), QueueRow.max_running.is_null()",
        "(QueueRow.paused_at.is_null(),)",
        OPTIMISTIC_TESTS,
    ),
    Mutant(
        "an optimistic claim requires a registered runner",
        "storage/jobs/statements.py",
        ".join(RunnerRow, on=runner)",
        "",
        OPTIMISTIC_TESTS,
    ),
    Mutant(
        "a conflict aborts an optimistic transaction",
        "storage/db/batch_statements.py",
        "_FAIL_UNLESS_ALL_CHANGED if all_or_none else",
        "_SELECT_POSITIONS if all_or_none else",
        OPTIMISTIC_TESTS,
    ),
    Mutant(
        "a claimed job is returned as it was claimed",
        "storage/jobs/rows.py",
        "replace(_job(row, (*earlier, present)), upload=read.upload)",
        "read",
        OPTIMISTIC_TESTS,
    ),
    Mutant(
        "candidates of one runner are skipped by another",
        "storage/claiming/candidates.py",
        "query.where(is_free)",
        "query",
        OPTIMISTIC_TESTS,
    ),
    Mutant(
        "no optimistic claim while a queue with jobs has a limit",
        "storage/claiming/candidates.py",
        'row["max_running"] is not None and row["next_run_at"] is not None',
        "False",
        ("tests/storage/claiming/test_candidates.py", *OPTIMISTIC_TESTS),
    ),
    Mutant(
        "statements of an aborted pipeline are prepared again",
        "storage/db/postgresql.py",
        "        if pipeline.has_failed:\n            self.close()\n",
        "",
        OPTIMISTIC_TESTS,
    ),
)
