"""`Idempotency-Key`: a submission that is sent again is answered again, and makes no second job.

key new                            ─▶ a new job
key known, the same submission     ─▶ the first answer again
key known, another submission      ─▶ 422
key of a request still under way   ─▶ 409, where it is this listener that answers it
"""

import hashlib
import json
from typing import Any

from tornado.httputil import HTTPHeaders

from server.http.problems import FieldError, Problem, malformed, unacceptable
from storage.records.job import NewJob

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MAX_LENGTH = 255


class KeysInFlight:
    """The keys of requests that this listener has not answered yet."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def enter(self, headers: HTTPHeaders, caller: str | None) -> str | None:
        """The key of a request, if it has one; it has to leave. Raises Problem 400 or 409.

        Each caller has keys of its own: those of others stand for nothing.
        """
        key = headers.get(HEADER)
        if key is None:
            return None
        if not (0 < len(key) <= MAX_LENGTH and key.isascii() and key.isprintable()):
            raise malformed(f"{HEADER} must be 1 to {MAX_LENGTH} printable ASCII characters")
        if caller is not None:
            key = f"{caller}\n{key}"  # a character that no key has
        if key in self._keys:
            raise Problem(409, f"a request with this {HEADER} is still under way")
        self._keys.add(key)
        return key

    def leave(self, key: str) -> None:
        """The request has been answered, or its client went away."""
        self._keys.discard(key)


def fingerprint(job: NewJob) -> str:
    """What two submissions of one caller must have in common to be the same: all that was sent; of
    a file, its name and its digest."""
    upload = job.upload and [job.upload.name, job.upload.sha256]
    said: dict[str, Any] = {**vars(job), "upload": upload, "source": None, "id": None}
    del said["submitted_by"], said["traceparent"]
    text = json.dumps(said, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def another() -> Problem:
    """The answer to a key that stands for another submission."""
    return unacceptable([FieldError(HEADER, "it was used for another submission")])
