"""Guards of held jobs, and of what reacts to the ends of jobs."""

from tests.mutants.mutant import Mutant

HELD_TESTS = ("tests/storage/waiting/test_held.py",)
ENDED_TESTS = ("tests/storage/waiting/test_ended.py",)
SCHEMA = "storage/migrations/schema/sqlite.sql"

HELD = (
    Mutant(
        "a held job is not due",
        "storage/waiting/held.py",
        'row.update(due_at=row["run_at"], run_at=HELD, holds=0)',
        'row.update(due_at=row["run_at"], holds=0)',
        HELD_TESTS,
    ),
    Mutant(
        "a job that several things hold waits for all",
        "storage/waiting/held.py",
        "free = [job_id for job_id in mine if not found[job_id] & ~kind]",
        "free = mine",
        HELD_TESTS,
    ),
    Mutant(
        "a released job waits for its own time",
        "storage/waiting/held.py",
        "run_at = pw.Case(None, [(is_later, JobRow.due_at)], now)",
        "run_at = now",
        HELD_TESTS,
    ),
    Mutant(
        "a job whose clock was set back is due when it is released",
        "storage/waiting/held.py",
        "(JobRow.due_at > now) & (JobRow.due_at != JobRow.created_at)",
        "JobRow.due_at > now",
        HELD_TESTS,
    ),
    Mutant(
        "a change of its time keeps a job held",
        SCHEMA,
        "WHEN (OLD.due_at IS NOT NULL AND NEW.due_at",
        "WHEN (FALSE AND NEW.due_at",
        HELD_TESTS,
    ),
    Mutant(
        "a retry by a client ends the wait of a job",
        "storage/jobs/transitions.py",
        '"missed_at", "due_at", "holds"))',
        '"missed_at"))',
        HELD_TESTS,
    ),
    Mutant(
        "clients see the own time of a held job",
        "storage/jobs/rows.py",
        'if due_at is not None and row["run_at"] == HELD:',
        'if due_at is not None and row["run_at"] == 0:',
        HELD_TESTS,
    ),
    Mutant(
        "a held job is not due for its explanation",
        "storage/queries/explain.py",
        "is_free = self.job.status is Status.QUEUED and not self.job.held",
        "is_free = self.job.status is Status.QUEUED",
        HELD_TESTS,
    ),
)

ENDED = (
    Mutant(
        "the end of a watched job acts once",
        "storage/waiting/ended.py",
        "    if not left:\n",
        "    if False:\n",
        ENDED_TESTS,
    ),
    Mutant(
        "a reaction that has not finished is called again",
        "storage/waiting/ended.py",
        "if each.id not in unfinished:",
        "if True:",
        ENDED_TESTS,
    ),
    Mutant(
        "each reaction acts on the jobs that it watches",
        "storage/waiting/ended.py",
        'if bool(row["deleted"]) is deleted and row["watched"] & kind',
        'if bool(row["deleted"]) is deleted',
        ENDED_TESTS,
    ),
    Mutant(
        "a job that is watched already stays watched",
        "storage/waiting/ended.py",
        "pw.fn.COALESCE(JobRow.watched, 0).bin_or(kind.value)",
        "kind.value",
        ENDED_TESTS,
    ),
    Mutant(
        "a transaction reacts to a limited number of ends",
        "storage/waiting/ended.py",
        "reacting.budget -= len(entries)",
        "reacting.budget += 0",
        ENDED_TESTS,
    ),
    Mutant(
        "the deletion of a watched job acts",
        SCHEMA,
        "WHEN (OLD.watched IS NOT NULL)",
        "WHEN (FALSE)",
        ENDED_TESTS,
    ),
    Mutant(
        "a worker learns of ended jobs",
        "storage/claims.py",
        "        self.has_ended = has_ended(rows)\n",
        "",
        ENDED_TESTS,
    ),
)
