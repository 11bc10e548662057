"""Guards of turns whose changes are taken for granted."""

from tests.mutants.mutant import Mutant

HOPES_TESTS = ("tests/storage/db/test_optimistic.py",)

HOPES = (
    Mutant(
        "a job that was looked at is claimed only if nobody has changed it",
        "storage/jobs/statements.py",
        'return JobRow.version == parameter(JobRow.version, "seen_version"), may_claim',
        "return (may_claim,)",
        HOPES_TESTS,
    ),
    Mutant(
        "a job that was looked at is claimed only if its queue is not paused",
        "storage/jobs/statements.py",
        "QueueRow.paused_at.is_null(), QueueRow.max_running.is_null()",
        "(QueueRow.max_running.is_null(),)",
        HOPES_TESTS,
    ),
    Mutant(
        "a job that was looked at is claimed only if its queue has no limit",
        "storage/jobs/statements.py",
        "QueueRow.paused_at.is_null(), QueueRow.max_running.is_null()",
        "(QueueRow.paused_at.is_null(),)",
        HOPES_TESTS,
    ),
    Mutant(
        "a job that was looked at is claimed only by a runner that is known",
        "storage/jobs/statements.py",
        ".join(RunnerRow, on=runner)",
        "",
        HOPES_TESTS,
    ),
    Mutant(
        "if not all is as was hoped, nothing has happened",
        "storage/db/statements.py",
        "{changes} {_FAIL_UNLESS_ALL_CHANGED}",
        "{changes} {_CHANGED_POSITIONS}",
        HOPES_TESTS,
    ),
    Mutant(
        "if a job that was looked at is gone, nothing has happened",
        "storage/db/optimistic.py",
        "except pw.IntegrityError as error:",
        "except ZeroDivisionError as error:",
        HOPES_TESTS,
    ),
    Mutant(
        "nobody waits for rows of attempts",
        "storage/db/database.py",
        "self.engine.defer_first(*each)",
        "self.engine.defer(*each)",
        HOPES_TESTS,
    ),
    Mutant(
        "a rescuer waits for who writes to its attempts before others wait for it",
        "storage/claiming/rescue.py",
        "self._database.lock(_select_attempts(name))",
        "_select_attempts(name)",
        HOPES_TESTS,
    ),
    Mutant(
        "a claimed job is told as it was claimed",
        "storage/jobs/rows.py",
        "replace(_job(row, (*earlier, present)), upload=read.upload)",
        "read",
        HOPES_TESTS,
    ),
    Mutant(
        "what one runner is about to claim another passes over",
        "storage/claiming/due_jobs.py",
        "query.where(is_free)",
        "query",
        HOPES_TESTS,
    ),
    Mutant(
        "while a queue with jobs has a limit, nothing is taken for granted",
        "storage/claiming/candidates.py",
        'row["max_running"] is not None and row["next_run_at"] is not None',
        "False",
        ("tests/storage/claiming/test_candidates.py", *HOPES_TESTS),
    ),
    Mutant(
        "what an aborted breath was to prepare is prepared later",
        "storage/db/pipeline.py",
        "        connection._prepared.clear()\n",
        "",
        HOPES_TESTS,
    ),
)
