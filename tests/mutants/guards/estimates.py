"""Guards of the estimated start: nothing that is unknown is taken for known."""

from tests.mutants.mutant import Mutant

STARTS = ("tests/storage/queries/test_start_estimate.py",)
TIMES = ("tests/storage/queries/test_run_times.py",)

ESTIMATES = (
    Mutant(
        "a job without progress is no shorter than it is already",
        "storage/queries/run_times.py",
        " if each > elapsed]",
        "]",
        TIMES,
    ),
    Mutant(
        "an absurd remaining time is unknown",
        "storage/queries/run_times.py",
        "return left if left < MAX_SECONDS else UNKNOWN",
        "return left",
        TIMES,
    ),
    Mutant(
        "only numbers are progress",
        "storage/records/progress.py",
        "and _is_count(done) and _is_count(total) and total > 0:",
        "and total:",
        TIMES,
    ),
    Mutant(
        "a limited queue has places",
        "storage/queries/start_estimate.py",
        "if max_running is not None:",
        "if False:",
        STARTS,
    ),
    Mutant(
        "only queues that its runners take go ahead of a job",
        "storage/queries/explain.py",
        "if not runners or any(runner.takes(each.name) for runner in runners)",
        "",
        STARTS,
    ),
    Mutant(
        "a stale runner starts no job",
        "storage/queries/explain.py",
        "for runner in self.registered if not runner.is_stale]",
        "for runner in self.registered]",
        STARTS,
    ),
)
