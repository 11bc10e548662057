"""Guards of dry runs and deadlines."""

from tests.mutants.mutant import Mutant

TRIED = ("tests/server/handlers/test_dry_run.py",)

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
        "server/handlers/jobs/jobs.py",
        "is_kept=not self._is_dry_run)",
        "is_kept=True)",
        TRIED,
    ),
    Mutant(
        "a dry run is not waited for",
        "server/handlers/jobs/jobs.py",
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
)
