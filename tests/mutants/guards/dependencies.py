"""Guards of jobs that wait for others."""

from tests.mutants.mutant import Mutant

STORED = ("tests/storage/waiting/test_dependencies.py",)
INPUTS = ("tests/storage/waiting/test_inputs.py",)
API = ("tests/server/handlers/test_dependencies.py",)
FILE = "storage/waiting/dependencies.py"

DEPENDENCIES = (
    Mutant(
        "a job waits for a job that has not ended",
        FILE,
        "            hold(row, _HELD)\n",
        "            pass\n",
        STORED,
    ),
    Mutant(
        "a job waits for all of its predecessors",
        FILE,
        "[each for each in free if each not in still]",
        "free",
        STORED,
    ),
    Mutant(
        "the end of a predecessor is watched",
        FILE,
        "{each for each in ids if statuses[each] not in FINAL}",
        "set()",
        STORED,
    ),
    Mutant(
        "a job is canceled only if its predecessor did not succeed",
        FILE,
        'if pair["cancels"] and statuses[pair["predecessor_id"]] is not Status.SUCCEEDED',
        'if pair["cancels"]',
        STORED,
    ),
    Mutant(
        "a job with on_failure run is not canceled",
        FILE,
        'if pair["cancels"] and statuses[pair["predecessor_id"]] is not Status.SUCCEEDED',
        'if statuses[pair["predecessor_id"]] is not Status.SUCCEEDED',
        STORED,
    ),
    Mutant(
        "a predecessor that has failed before counts as failed",
        FILE,
        "return status not in FINAL or (cancels and status is not Status.SUCCEEDED)",
        "return status not in FINAL",
        STORED,
    ),
    Mutant(
        "only as many waiting jobs as the budget allows are released at once",
        FILE,
        "    reacting.budget -= len(pairs)\n",
        "",
        STORED,
    ),
    Mutant(
        "a reaction goes on with the jobs that are left",
        FILE,
        "unfinished = {each for each in statuses if each >= first_left}",
        "unfinished = set()",
        STORED,
    ),
    Mutant(
        "a job that waits for an unknown job is refused",
        "storage/store.py",
        "elif missing and not missing.isdisjoint(job.after):",
        "elif False:",
        STORED,
    ),
    Mutant(
        "what a deleted job waited for is deleted",
        "storage/migrations/0039_dependencies.py",
        '"AFTER DELETE ON job FOR EACH ROW WHEN (OLD.predecessors IS NOT NULL)"',
        '"AFTER DELETE ON job FOR EACH ROW WHEN (FALSE)"',
        STORED,
    ),
    Mutant(
        "on_failure without jobs to wait for is refused",
        "server/checking/conflicts.py",
        'if document.get("on_failure") is not None and not waits:',
        "if False:",
        API,
    ),
    Mutant(
        "a listener reacts to a cancel without a worker",
        "storage/store.py",
        "        if job and job.final and job.watched:\n",
        "        if False:\n",
        API,
    ),
    Mutant(
        "a listener reacts to a bulk cancel without a worker",
        "storage/queries/bulk.py",
        "        if changed:\n",
        "        if False:\n",
        API,
    ),
    Mutant(
        "a predecessor that was retried since has not ended",
        FILE,
        "        if status not in FINAL:  # a client",
        "        if False:  # a client",
        STORED,
    ),
    Mutant(
        "a job that passes its result on is waited for even if it has ended",
        FILE,
        "if each == job.input_from or _counts(statuses[each], cancels)",
        "if _counts(statuses[each], cancels)",
        INPUTS,
    ),
    Mutant(
        "the size of a result that is passed on is limited",
        "storage/waiting/inputs.py",
        "    if size > MAX_BYTES:\n",
        "    if False:\n",
        INPUTS,
    ),
    Mutant(
        "a job whose input was deleted does not start",
        "storage/waiting/inputs.py",
        'results = {row["id"]: row["result"] or "null" for row in sources}',
        'results = dict.fromkeys(passing.values(), "null")',
        INPUTS,
    ),
    Mutant(
        "a job type without an input gets none",
        "server/checking/conflicts.py",
        "    if FIELD not in job_type.Payload.model_fields:\n",
        "    if False:\n",
        API,
    ),
    Mutant(
        "an unknown job whose result is the input is no error of after",
        "server/jobs/submissions.py",
        "after = [each for each in stored.ids if each != new.input_from]",
        "after = [*stored.ids]",
        API,
    ),
)
