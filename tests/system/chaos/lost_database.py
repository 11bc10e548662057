"""The database of a run is lost, and a worker starts on an empty one: it must delete no file."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from storage.files.uploads import GRACE_SECONDS
from tests.system.chaos.history import Violation

PATIENCE_SECONDS = 60.0


def check(folder: Path, environ: Mapping[str, str]) -> Iterator[Violation]:
    """Start a worker on a new database, with the stored files of the run, which are old by now.

    It must refuse to start. `environ` has the settings of a worker, and `folder` is the folder of
    the run. All programs have ended.
    """
    stored = sorted(p for p in (folder / "data" / "uploads").rglob("*") if p.is_file())
    old = time.time() - 2 * GRACE_SECONDS
    for path in stored:
        os.utime(path, (old, old))
    settings = {**os.environ, **environ, "DATABASE_URL": f"sqlite:///{folder / 'lost.db'}"}
    with (folder / "lost.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "runner"], env=settings, stdout=log, stderr=log
        )
        try:
            code = worker.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
            worker.terminate()
            worker.wait()
    if gone := [path for path in stored if not path.exists()]:
        yield Violation("P1", "-", f"{len(gone)} files were deleted after the database was lost")
    if stored and not code:
        yield Violation("P1", "-", f"a worker took the files of a lost database, and ended: {code}")
