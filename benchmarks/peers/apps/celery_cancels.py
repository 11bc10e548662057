"""Measures cancels of Celery's jobs, revoke(terminate=True, signal="SIGKILL"); prints JSON.

python -m benchmarks.peers.apps.celery_cancels COUNT
"""

import json
import sys
from dataclasses import asdict
from functools import partial

from benchmarks.peers.apps import holding, peer_jobs
from benchmarks.peers.apps.celery_app import app, hold


def main(count: int) -> None:
    """Measure, and print the seconds."""
    revoke = partial(app.control.revoke, terminate=True, signal="SIGKILL")
    found = holding.measure(lambda path: str(hold.delay(path).id), revoke, count, peer_jobs.FOLDER)
    sys.stdout.write(json.dumps(asdict(found)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
