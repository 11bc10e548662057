"""Guards of batches."""

from tests.mutants.mutant import Mutant

STORED = ("tests/storage/test_batches.py",)
API = ("tests/server/api/test_batches.py",)

BATCHES = (
    Mutant(
        "an atomic batch is stored as a whole or not at all",
        "storage/batch_submission.py",
        "if not ids or (batch.is_atomic and refusals):",
        "if not ids:",
        STORED,
    ),
    Mutant(
        "the key of a batch belongs to a job that is stored",
        "storage/batch_submission.py",
        "if batch.key and ids[0] != batch.jobs[0][0]:",
        "if False:",
        STORED,
    ),
    Mutant(
        "a known key stores no second batch",
        "storage/batch_submission.py",
        "return None if kept.job_id == first.id else kept",
        "return None",
        STORED,
    ),
    Mutant(
        "a job that needs more than its row is stored like a single job",
        "storage/records/alike.py",
        "return all(getattr(template, name) == value for name, value in _OTHERS.items())",
        "return True",
        STORED,
    ),
    Mutant(
        "the jobs of a batch end where the next batch can begin",
        "storage/records/ids.py",
        "return 0 < job_id.int - batch_id.int <= MAX_BATCH_JOBS",
        "return 0 < job_id.int - batch_id.int",
        STORED,
    ),
    Mutant(
        "a list by batch leaves out other jobs",
        "storage/queries/search.py",
        "if filters.batch is not None:",
        "if False:",
        STORED,
    ),
    Mutant(
        "a batch with jobs keeps its row",
        "storage/jobs/batch_rows.py",
        'empty = [row["id"] for row in rows if not row["has_job"]]',
        'empty = [row["id"] for row in rows]',
        STORED,
    ),
    Mutant(
        "a batch has a limit of jobs",
        "server/jobs/validation/batch_body.py",
        "if len(split.jobs) > MAX_BATCH_JOBS:",
        "if False:",
        API,
    ),
    Mutant(
        "a batch ends where its bracket is",
        "server/jobs/validation/batch_body.py",
        "if _skip(text, at) == len(text):",
        "if True:",
        API,
    ),
    Mutant(
        "the job that follows waits until no job of its batch is unfinished",
        "storage/waiting/batch_ends.py",
        "            if not _has_unfinished(database, batch):",
        "            if True:",
        STORED,
    ),
    Mutant(
        "a job that was retried counts as unfinished",
        "storage/waiting/batch_ends.py",
        "found = found or _newest_unfinished(database, first, last)",
        "found = found or (None if known else _newest_unfinished(database, first, last))",
        STORED,
    ),
    Mutant(
        "a batch keeps its row as long as the job that follows",
        "storage/jobs/batch_rows.py",
        "has_job = pw.fn.EXISTS(jobs) | pw.fn.EXISTS(follows)",
        "has_job = pw.fn.EXISTS(jobs)",
        STORED,
    ),
    Mutant(
        "a job that follows and is refused refuses its batch",
        "storage/batch_submission.py",
        "                if not isinstance(then, UUID):",
        "                if False:",
        STORED,
    ),
    Mutant(
        "a canceled batch cancels the job that follows before its jobs",
        "server/jobs/batch_submissions.py",
        "if then and not progress.is_finished:  # first: else it would run",
        "if False:",
        API,
    ),
    Mutant(
        "a batch is not stored twice under one key with other jobs",
        "server/jobs/batch_submissions.py",
        "if keyed and batch.fingerprint not in (None, keyed[1]):",
        "if False:",
        API,
    ),
    Mutant(
        "all jobs of a batch count against the queue watermark",
        "server/jobs/batch_submissions.py",
        "if count > 1:",
        "if False:",
        API,
    ),
    Mutant(
        "only its submitter and admins cancel a batch",
        "server/jobs/batch_submissions.py",
        "if not caller.may_change(progress.batch.submitted_by):",
        "if False:",
        ("tests/server/auth/test_permissions.py",),
    ),
    Mutant(
        "the errors of refused jobs are limited",
        "server/documents/batch_documents.py",
        "problem.errors[:MAX_JOB_ERRORS]",
        "problem.errors",
        API,
    ),
    Mutant(
        "a wait for a batch waits for all its jobs",
        "server/jobs/jobs.py",
        "batch=filters.batch, view",
        "batch=None, view",
        API,
    ),
)
