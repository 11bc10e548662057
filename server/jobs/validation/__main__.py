"""The check process: checks the submissions that a listener sends, until the listener ends.

`python -m server.jobs.validation PACKAGE…` loads the job types of these packages. Only the
listener starts it, with a connection as its standard input.
"""

import contextlib
import gc
import os
import sys
import traceback
from collections.abc import Collection
from multiprocessing.connection import Connection

from runner.job_types.registry import loader
from runner.job_types.registry.found import JobTypes
from server.http.problems import Problem
from server.jobs.validation.batch import BatchPiece, check_piece
from server.jobs.validation.batch_body import BatchBody
from server.jobs.validation.pipeline import split_with_ids
from server.jobs.validation.process import CheckFailed
from server.jobs.validation.received import Received, parse
from server.jobs.validation.sets import NO_SETS, FoundSets, SetsNeeded, sets_of
from server.jobs.validation.submission import CheckedSubmission, check_submission, job_type_of
from storage.records.json_values import JsonValue
from storage.telemetry.logs import set_up_logs


def main(packages: list[str], listener: Connection) -> None:
    """Answer requests until the listener closes the connection. Raises EOFError then."""
    job_types = loader.find(packages)
    # Looking for garbage takes most of the time of parsing a document with many lists.
    gc.freeze()
    gc.disable()
    while True:
        listener.send(answer_any(job_types, listener.recv()))
        gc.collect()


def answer_any(job_types: JobTypes, request: tuple[JsonValue, ...]) -> JsonValue:
    """Answer a request about a submission or about a batch, by the type of its first element.

    Returns the exception of one that is refused.
    """
    try:
        if isinstance(request[0], BatchBody):
            return split_with_ids(request[0])
        if isinstance(request[0], BatchPiece):
            return check_piece(request[0], job_types, *request[1:])
    except (Problem, SetsNeeded) as refused:
        return refused
    except Exception:
        return CheckFailed(traceback.format_exc())
    return answer(job_types, *request)


def answer(
    job_types: JobTypes,
    received: Received,
    callback_hosts: Collection[str],
    cell: int | None,
    sets: FoundSets | None,
) -> CheckedSubmission | Problem | CheckFailed | SetsNeeded | None:
    """Check one submission. Returns the exception of one that is refused.

    `sets` has the pattern sets that the submission names. If it is None, they are not known yet.
    """
    try:
        parsed = parse(received)
        if sets is None and (names := sets_of(parsed[0], job_type_of(parsed[0], job_types))):
            return SetsNeeded(names)
        settings = (callback_hosts, cell, sets or NO_SETS)
        checked = check_submission(received, parsed, job_types, *settings)
    except Problem as problem:
        return problem
    except Exception:
        return CheckFailed(traceback.format_exc())
    return checked and checked.with_encoded_payload()


if __name__ == "__main__":
    set_up_logs("WARNING", os.environ.get("LOG_FORMAT", "").strip() or "auto", "listener")
    with contextlib.suppress(EOFError):
        main(sys.argv[1:], Connection(sys.stdin.fileno()))
