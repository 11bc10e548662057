"""Guards of the limits that jobs have by themselves."""

from tests.mutants.mutant import Mutant

POOL = ("tests/runner/pool/test_job_limits.py",)
API = ("tests/server/api/jobs/test_job_limits.py",)
CGROUPS = ("tests/runner/pool/test_cgroups.py",)
NEEDS = ("tests/runner/pool/test_needs.py",)
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
        "            self._is_used_up = True  # it can no longer lower its niceness\n",
        "",
        POOL,
    ),
    Mutant(
        "a process that holds too much memory for a job is replaced",
        "runner/pool/keeper/job_process.py",
        "if self.calls and self._memory_bytes > kept_bytes(limits):",
        "if False:",
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
        '        if columns.keys() & {"limits", "queue"}:\n',
        "        if False:\n",
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
    Mutant(
        "a fresh job runs in no process that has run another job",
        "runner/pool/keeper/job_process.py",
        '(needs.isolation == "fresh" or needs.group != self._group)',
        "needs.group != self._group",
        NEEDS,
    ),
    Mutant(
        "a job runs in no process that has run a job of another caller",
        "runner/pool/keeper/job_process.py",
        '(needs.isolation == "fresh" or needs.group != self._group)',
        'needs.isolation == "fresh"',
        NEEDS,
    ),
    Mutant(
        "a job of a type that shares runs in no process of a caller",
        "runner/pool/protocol/setup.py",
        'return None if self.isolation == "shared" else self.caller',
        "return self.caller",
        NEEDS,
    ),
    Mutant(
        "a call waits behind one of the same caller",
        "runner/pool/executor.py",
        "                bool(each.calls) and 1 + (each.last_caller != caller),\n",
        "",
        NEEDS,
    ),
    Mutant(
        "the worker tells the pool who has submitted a job",
        "runner/supervisor/running_jobs.py",
        "job.type, job.submitted_by\n",
        "job.type, None\n",
        ("tests/end_to_end/test_type_isolation.py",),
    ),
    Mutant(
        "no other job runs in the process of a fresh job",
        "runner/pool/keeper/job_process.py",
        '        self._is_used_up |= needs.isolation == "fresh"\n',
        "",
        NEEDS,
    ),
    Mutant(
        "a job without network runs in a process without network",
        "runner/pool/keeper/job_process.py",
        "        return needs.network == self.network\n",
        "        return True\n",
        NEEDS,
    ),
    Mutant(
        "a process without network has a filter that blocks it",
        "runner/pool/keeper/job_process.py",
        "            confinement = replace(confinement, network=False)\n",
        "            pass\n",
        NEEDS,
    ),
    Mutant(
        "without filters, a job that must not use the network fails",
        "runner/pool/keeper/keeper.py",
        "        if not needs.network and not seccomp.is_supported():\n",
        "        if False:\n",
        NEEDS,
    ),
    Mutant(
        "a worker takes no control group over in which other processes are",
        "runner/pool/linux/cgroups.py",
        '    if _read(group / "cgroup.procs").split() != [str(os.getpid())]:\n',
        "    if False:\n",
        CGROUPS,
    ),
    Mutant(
        "a worker does not take the root group over",
        "runner/pool/linux/cgroups.py",
        '    if not (group / "cgroup.events").exists():\n',
        "    if False:\n",
        CGROUPS,
    ),
)
