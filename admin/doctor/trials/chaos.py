"""`doctor --chaos SECONDS`: the chaos suite, on the disk or the database server of the user.

The suite is `tests/system/chaos`. The image has it, with the few modules of `tests/support` that it
imports, so that every user runs what CI runs.
"""

import subprocess
import sys

from admin.doctor.findings.subject import Subject
from admin.doctor.trials.scratch import ROOT, plain_environment, scratch_store
from storage.records.job import StoreError

SUITE = ROOT / "tests" / "system" / "chaos"


def run_chaos(subject: Subject, seconds: float) -> int:
    """Run the suite, which prints the promises and what broke them; return the exit code.

    Raises StoreError if there is no suite, or no scratch store can be made.
    """
    if not SUITE.is_dir():
        raise StoreError(f"there is no {SUITE}: run it in a checkout, or in the image")
    with scratch_store(subject) as scratch:
        where = ["--url", scratch.url] if scratch.url else []
        command = [sys.executable, "-m", "tests.system.chaos", "--seconds", f"{seconds:g}"]
        command += ["--folder", str(scratch.folder), *where]
        code = subprocess.run(command, cwd=ROOT, env=plain_environment(), check=False).returncode
        scratch.is_kept = code != 0
    return code
