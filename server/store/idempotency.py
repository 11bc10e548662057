"""`Idempotency-Key`: repeating a submission returns its first job instead of creating a second one.

key new                                    ─▶ a new job
key known, same submission                 ─▶ the first response again
key known, different submission            ─▶ 422
key of a request that is still in progress ─▶ 409, if this listener is handling that request

`server.jobs.admission` checks the last one, `server.jobs.jobs` the others.
"""

import hashlib
import json
from typing import Any

from storage.records.job import DEFAULT_MAX_LOSSES, EncodedJson, NewJob


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
