"""The check process: checks the submissions that it reads from stdin, until the listener ends.

`python -m server.checking PACKAGE…` loads the job types of these packages. Only the listener starts
it; `server.checking.process` describes the messages.
"""

import gc
import pickle
import sys
import traceback
from collections.abc import Collection, Mapping
from typing import Any, BinaryIO

from runner.job_types import loader
from runner.job_types.base import JobType
from server.checking.process import LENGTH_BYTES
from server.documents.submission import Received, check_submission, parse
from server.http.problems import Problem


def main(packages: list[str], requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until their pipe is closed."""
    job_types = loader.find(packages)
    # Looking for garbage takes most of the time of parsing a document with many lists.
    gc.freeze()
    gc.disable()
    while length := requests.read(LENGTH_BYTES):
        request = pickle.loads(requests.read(int.from_bytes(length)))
        data = pickle.dumps(answer(job_types, *request))
        answers.write(len(data).to_bytes(LENGTH_BYTES) + data)
        answers.flush()
        del request, data
        gc.collect()


def answer(
    job_types: Mapping[str, JobType[Any]],
    received: Received,
    callback_hosts: Collection[str],
    cell: int | None,
) -> tuple[str, Any]:
    """Check one submission. Returns the kind of the answer and its value."""
    try:
        checked = check_submission(received, parse(received), job_types, callback_hosts, cell)
    except Problem as problem:
        return "problem", vars(problem)
    except Exception:
        return "failure", traceback.format_exc()
    return "checked", checked and checked.with_encoded_payload()


if __name__ == "__main__":
    # Whatever a job type prints must not get between the answers.
    with open(sys.stdout.fileno(), "wb", closefd=False) as output:
        sys.stdout = sys.stderr
        main(sys.argv[1:], sys.stdin.buffer, output)
