"""Guards of the limits that jobs have by themselves."""

from tests.mutants.mutant import Mutant

POOL = ("tests/runner/pool/test_job_limits.py",)
API = ("tests/server/handlers/test_job_limits.py",)
FITTING = ("tests/storage/claiming/test_fitting.py",)

JOB_LIMITS = (
    Mutant(
        "a job does not get more than its worker allows",
        "runner/pool/protocol/setup.py",
        "if value is not None and (bound is None or value < bound):",
        "if value is not None:",
        POOL,
    ),
    Mutant(
        "a job process with a niceness of its own runs no further job",
        "runner/pool/keeper/job_process.py",
        "            self._is_reniced = True\n",
        "",
        POOL,
    ),
    Mutant(
        "a process that holds too much memory for a job is replaced",
        "runner/pool/keeper/keeper.py",
        "            if self._process.is_too_large_for(limits):\n",
        "            if False:\n",
        POOL,
    ),
    Mutant(
        "the limits of a job do not apply to the next one",
        "runner/pool/job_process/loop.py",
        '        limits = self._soft_limits.limits = self._limits.narrowed(call.get("limits"))\n',
        "        limits = self._limits = self._soft_limits.limits = self._limits.narrowed(\n"
        '            call.get("limits")\n'
        "        )\n",
        POOL,
    ),
    Mutant(
        "the output of a job is cut to its own limit",
        "runner/pool/keeper/job_process.py",
        "        self.output.limit(self.limits.output_bytes(own))\n",
        "",
        POOL,
    ),
    Mutant(
        "a submission that no worker allows is refused",
        "server/jobs/worker_limits.py",
        "    if not takers or any(each.may_run(job) for each in takers):\n",
        "    if True:\n",
        API,
    ),
    Mutant(
        "a change that no worker allows is refused",
        "server/jobs/jobs.py",
        '        if limits := columns.get("limits"):\n',
        '        if limits := columns.get("limits") and None:\n',
        API,
    ),
    Mutant(
        "a job is left to others if its limits are beyond those of the worker",
        "storage/claiming/candidates.py",
        "    if condition:\n",
        "    if False:\n",
        FITTING,
    ),
    Mutant(
        "a worker waits before it looks again at jobs of others",
        "storage/claiming/candidates.py",
        "        if self._condition and open_queues and not due:\n",
        "        if False:\n",
        FITTING,
    ),
)
