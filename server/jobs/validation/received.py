"""A submission as it was received, and its parsing into a document."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from server.documents.submission import Submission
from server.http import strict_json
from server.http.problems import FieldError, Problem, unacceptable
from storage.records.json_values import Json, JsonValue

FILE_PART = "filename"
FILE_PARTS = (FILE_PART, "file")
"""The names that the file's part of a form may have."""
FILES_PART = "files"
"""The name of each part with a file, if a form has several: they are stored as one zip archive."""
TIME_FIELDS = {"run_at", "expires_at", "finish_by"}
"""Times may also be JSON texts, in quotes."""
TEXT_FIELDS = {"type", "callback_url", "queue", *TIME_FIELDS}
TEXT_FIELDS |= {"unique_key", "unique", "if_exists", "on_failure", "concurrency_key"}


@dataclass(frozen=True)
class Received:
    """A submission as it was received.

    content: a JSON body, or the text fields of a form.
    file_part: the name of the form's part that has the file; None without a file.
    is_whole: False if more fields of the form may follow.
    errors: what is wrong with the form's other parts.
    may_have_file: False if a file cannot be sent this way, so that an earlier job has to have it.
    file_count: how many files there are; None as long as that is unknown, or if a job has to look
        into the file, because it may be an archive of several files that the listener has made.
    """

    content: bytes | Mapping[str, bytes]
    file_part: str | None = None
    is_whole: bool = True
    errors: tuple[FieldError, ...] = ()
    may_have_file: bool = True
    file_count: int | None = None

    @property
    def size(self) -> int:
        """The bytes of the content."""
        if isinstance(self.content, bytes):
            return len(self.content)
        return sum(map(len, self.content.values()))


def parse(received: Received) -> tuple[JsonValue, list[Problem]]:
    """Parse a submission into a document.

    Also returns the problems of form fields that cannot be parsed; the document lacks these fields.
    Raises Problem 400 if it is not a form.
    """
    if isinstance(received.content, bytes):
        return strict_json.parse(received.content), []
    document: Json = {}
    problems = [unacceptable(received.errors)] if received.errors else []
    for name, value in received.content.items():
        try:
            is_text = name in TEXT_FIELDS and not (name in TIME_FIELDS and value[:1] == b'"')
            document[name] = value.decode() if is_text else strict_json.parse(value, name)
        except UnicodeDecodeError as error:
            detail = f"it is not UTF-8: invalid byte at position {error.start}"
            problems.append(unacceptable([FieldError(name, detail, "malformed")]))
        except Problem as problem:
            problems.append(_with_example(name, problem))
    return document, problems


def _with_example(name: str, problem: Problem) -> Problem:
    """Add an example to the problem of a form field that is not JSON."""
    field = Submission.model_fields.get(name)
    if field is None or not field.examples:
        return problem
    how = f"; it must be JSON such as {json.dumps(field.examples[0])}"
    errors = [replace(error, detail=error.detail + how) for error in problem.errors]
    return Problem(problem.code, problem.detail + how, errors)
