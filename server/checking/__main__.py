"""The check process: checks the submissions that a listener sends, until the listener ends.

`python -m server.checking PACKAGE…` loads the job types of these packages. Only the listener starts
it, with a connection as its standard input.
"""

import contextlib
import gc
import sys
import traceback
from collections.abc import Collection, Mapping
from multiprocessing.connection import Connection
from typing import Any

from runner.job_types import loader
from runner.job_types.base import JobType
from server.checking.process import CheckFailed
from server.checking.submission import CheckedSubmission, Received, check_submission, parse
from server.http.problems import Problem


def main(packages: list[str], listener: Connection) -> None:
    """Answer requests until the listener closes the connection. Raises EOFError then."""
    job_types = loader.find(packages)
    # Looking for garbage takes most of the time of parsing a document with many lists.
    gc.freeze()
    gc.disable()
    while True:
        listener.send(answer(job_types, *listener.recv()))
        gc.collect()


def answer(
    job_types: Mapping[str, JobType[Any]],
    received: Received,
    callback_hosts: Collection[str],
    cell: int | None,
) -> CheckedSubmission | Problem | CheckFailed | None:
    """Check one submission. Returns the exception of one that is refused."""
    try:
        checked = check_submission(received, parse(received), job_types, callback_hosts, cell)
    except Problem as problem:
        return problem
    except Exception:
        return CheckFailed(traceback.format_exc())
    return checked and checked.with_encoded_payload()


if __name__ == "__main__":
    with contextlib.suppress(EOFError):
        main(sys.argv[1:], Connection(sys.stdin.fileno()))
