"""Job types that declare more than they must: defaults, a version, and a file if there is one."""

from typing import Any

from runner.job_types.base import Context, Defaults, JobType, Payload


class NotePayload(Payload):
    """The payload of a note."""

    text: str = ""


class Note(JobType[NotePayload]):
    """Keeps a note, and says what it got.

    This line is no summary.
    """

    name = "note"
    Payload = NotePayload
    upload = "optional"
    version = "2.1"
    defaults = Defaults(
        timeout=45,
        max_retries=4,
        backoff={"base": 2},
        queue="notes",
        priority=7,
        keep_for=3600,
    )

    def run(self, payload: NotePayload, context: Context) -> Any:
        """Return the text, and the name of the file if there is one."""
        return {"text": payload.text, "file": context.upload and context.upload.name}
