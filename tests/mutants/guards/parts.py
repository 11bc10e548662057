"""Guards of jobs in parts."""

from tests.mutants.mutant import Mutant

ROWS = ("tests/storage/claiming/test_part_claims.py",)
WHOLE = ("tests/runner/supervisor/test_split_jobs.py",)
FILES = ("tests/loganalysis/test_parts.py",)

PARTS = (
    Mutant(
        "only the holder of a part settles it",
        "storage/claiming/part_claims.py",
        "holder = PartRow.runner == fence.runner, PartRow.tries == fence.tries",
        "holder = ()",
        ROWS,
    ),
    Mutant(
        "a part that is being ended gets no result",
        "storage/claiming/part_claims.py",
        '*_held(fence), PartRow.status == "running"',
        "*_held(fence)",
        ROWS,
    ),
    Mutant(
        "only the holder of a job creates its parts",
        "storage/claiming/job_parts.py",
        "if not self._database.rows(_select_held(fence)):",
        "if False:",
        ROWS,
    ),
    Mutant(
        "a different plan replaces the parts",
        "storage/claiming/job_parts.py",
        'if [row["spec"] for row in stored] == [spec for spec, _ in parts]:',
        "if stored:",
        ROWS,
    ),
    Mutant(
        "a part that an earlier attempt was ending runs on",
        "storage/claiming/job_parts.py",
        '"failed": "queued", "ending": "running"',
        '"failed": "queued"',
        ROWS,
    ),
    Mutant(
        "a final job has no parts",
        "storage/migrations/schema/sqlite.sql",
        "DELETE FROM part WHERE job_id = NEW.id;",
        "UPDATE part SET spec = spec WHERE job_id = NEW.id;",
        ROWS,
    ),
    Mutant(
        "a part that kills its runners fails",
        "storage/claiming/part_claims.py",
        "PartRow.lost + 1 >= MAX_LOST",
        "PartRow.lost + 1 >= 99",
        ROWS,
    ),
    Mutant(
        "parts of a dead runner are freed",
        "storage/claiming/rescue.py",
        "parts = free_lost_parts(self._database, name)",
        "parts = 0",
        ROWS,
    ),
    Mutant(
        "a cancel ends the parts of its job",
        "runner/supervisor/split_jobs.py",
        "            self._parts.end(job.id)\n",
        "            pass\n",
        WHOLE,
    ),
    Mutant(
        "canceled is written only when no part runs",
        "runner/supervisor/split_jobs.py",
        "parts_go_on = split.running.kill_reason is KillReason.RELEASE",
        "parts_go_on = True",
        WHOLE,
    ),
    Mutant(
        "parts that are not needed any more are killed",
        "runner/supervisor/parts.py",
        "if is_ending.get(fence, True):",
        "if False:",
        WHOLE,
    ),
    Mutant(
        "results are merged in the order of the parts",
        "storage/claiming/job_parts.py",
        "*part_at(job_id, first + len(found))",
        "PartRow.job_id == job_id",
        WHOLE,
    ),
    Mutant(
        "a timeout applies to the whole job",
        "runner/supervisor/split_jobs.py",
        "elif seconds_left is not None and seconds_left <= 0:",
        "elif False:",
        WHOLE,
    ),
    Mutant(
        "parts leave half of the slots to jobs",
        "runner/supervisor/parts.py",
        "reserved = min(self._waiting, max(0, share), free)",
        "reserved = min(self._waiting, free)",
        ("tests/runner/supervisor/test_parts.py",),
    ),
    Mutant(
        "a part does not wait until no job is due",
        "runner/supervisor/supervisor.py",
        "(has_work and now < self._look_for_parts_at)",
        "has_work",
        ("tests/runner/supervisor/test_parts.py",),
    ),
    Mutant(
        "a cut is moved to the end of its line",
        "loganalysis/scan/ranges.py",
        "return next_line_start(file, cut - 1, size) if cut else 0",
        "return cut",
        FILES,
    ),
    Mutant(
        "a part with a timeline begins at a line with a time",
        "loganalysis/scan/ranges.py",
        "if options and options.timeline and cut:",
        "if False:",
        ("tests/loganalysis/test_timeline.py",),
    ),
    Mutant(
        "a text that spans lines keeps a file whole",
        "loganalysis/scan/ranges.py",
        "return size >= min_bytes and not spans",
        "return size >= min_bytes",
        FILES,
    ),
    Mutant(
        "a job in parts ends as soon as it must",
        "runner/supervisor/split_jobs.py",
        "return 0.0 if must_end else math.inf",
        "return math.inf",
        ("tests/runner/supervisor/test_supervisor.py",),
    ),
)
