"""Runs calls in a pool whose jobs have control groups, and prints what became of them as JSON.

    python -m tests.support.pool.in_cgroup GROUP

GROUP is the folder of a group that is delegated to this program. It must be empty.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from runner.pool.linux.cgroups import take_over
from runner.pool.protocol.setup import JobLimits
from storage.records.attempt_outcome import AttemptOutcome
from tests.support.pool import cgroup_calls
from tests.support.pool.pools import Owner, open_pool

MIB = 2**20


def main() -> None:
    """Move into the group, and run the calls."""
    group = Path(sys.argv[1])
    (group / "cgroup.procs").write_text(str(os.getpid()))
    groups = take_over(1)
    job = JobLimits(memory_bytes=400 * MIB, processes=20, nice=5)
    with open_pool(1, cgroup_calls.load, job=job, cgroups=groups) as owner:
        found = dict(_calls(owner))
    found["left"] = [each.name for each in sorted(group.iterdir()) if each.is_dir()]
    sys.stdout.write(json.dumps(found))


def _calls(owner: Owner) -> Any:
    yield "usual", _told(owner.run("group"))
    own = {"memory_bytes": 100 * MIB, "nice": 19}
    yield "limited", _told(owner.run_within(own, "group"))
    yield "next", _told(owner.run("group"))
    few = owner.run_within(own, "hold_memory_in_children", number=2, mebibytes=20)
    yield "within", few.kind
    many = owner.run_within(own, "hold_memory_in_children", number=4, mebibytes=40)
    yield "beyond", [many.kind, many.error_type, many.error_message]
    bomb = owner.run("fork_bomb", limit=600)
    most = _told(owner.run("most_processes"))
    yield "bomb", [bomb.kind, bomb.error_type, bomb.error_message, most]


def _told(outcome: AttemptOutcome) -> Any:
    assert outcome.kind == "returned", outcome
    return json.loads(outcome.result or "")


if __name__ == "__main__":
    main()
