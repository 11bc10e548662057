"""`Idempotency-Key`: repeating a submission returns its first job instead of creating a second one.

key new                                    ─▶ a new job
key known, same submission                 ─▶ the first response again
key known, different submission            ─▶ 422
key of a request that is still in progress ─▶ 409, if this listener is handling that request
"""

import hashlib
import json
from typing import Any

from tornado.httputil import HTTPHeaders

from server.http.codes import Code
from server.http.problems import FieldError, Problem, malformed
from storage.records.job import DEFAULT_MAX_LOSSES, EncodedJson, NewJob

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
MAX_LENGTH = 255


class KeysInFlight:
    """The keys of requests that this listener has not answered yet."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def acquire(self, headers: HTTPHeaders, caller: str | None) -> str | None:
        """Return the key of a request, or None if it has none; `release` has to follow.

        The returned key contains the caller's name, because each caller has its own keys. Raises
        Problem 400, and Problem 409 if another request with this key is in progress.
        """
        key = headers.get(HEADER)
        if key is None:
            return None
        if not (0 < len(key) <= MAX_LENGTH and key.isascii() and key.isprintable()):
            raise malformed(f"{HEADER} must be 1 to {MAX_LENGTH} printable ASCII characters")
        if caller is not None:
            key = f"{caller}\n{key}"  # a key cannot contain a line break
        if key in self._keys:
            detail = f"a request with this {HEADER} is still in progress"
            raise Problem(Code.KEY_IN_PROGRESS, detail)
        self._keys.add(key)
        return key

    def release(self, key: str) -> None:
        """Free the key of a request that was answered, or whose client went away."""
        self._keys.discard(key)


def fingerprint(job: NewJob) -> str:
    """Return a hash over everything that the client submitted; of a file, its name and digest.

    Two submissions of one caller are equal if and only if their fingerprints are.
    """
    upload = job.upload and [job.upload.name, job.upload.sha256]
    submitted: dict[str, Any] = {**vars(job), "upload": upload, "source": None, "id": None}
    del submitted["submitted_by"], submitted["traceparent"]
    if job.max_losses == DEFAULT_MAX_LOSSES:
        del submitted["max_losses"]  # as in keys that listeners of earlier releases have stored
    if isinstance(job.payload, EncodedJson):
        submitted["payload"] = None
    text = json.dumps(submitted, sort_keys=True, ensure_ascii=False)
    if isinstance(job.payload, EncodedJson):  # inside of a text, quotes would be escaped
        text = text.replace('"payload": null', f'"payload": {job.payload.sorted}', 1)
    return hashlib.sha256(text.encode()).hexdigest()


def key_reused() -> Problem:
    """422: the key stands for a different submission."""
    error = FieldError(HEADER, "it was used for a different submission")
    return Problem(Code.KEY_REUSED, f"{error.field}: {error.detail}", [error])
