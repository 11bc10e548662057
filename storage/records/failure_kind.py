"""Kinds of failures: failed jobs of one type belong together if their errors are alike.

Two errors are alike if their types are equal, and their messages, too, once numbers and ids are
masked: "no file 12 in job 6af1b43d-…" and "no file 7 in job 0c9e77ab-…" are of one kind.
"""

import hashlib
import json
import re
from functools import lru_cache
from typing import NamedTuple

from storage.records.json_values import JsonValue

MASK = "#"
"""Stands for a number or an id in a message."""
MAX_MESSAGE_LENGTH = 300
"""Messages that are equal in their first characters are of one kind."""
READ_LENGTH = 2000
"""How many characters of a message are read."""
KEY_LENGTH = 16
"""The number of digits of a key."""
_START, _END = "(?<![0-9A-Za-z])", "(?![0-9A-Za-z])"
_VARIABLE = re.compile(
    # a UUID
    f"{_START}[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}{_END}"
    # hexadecimal digits: after 0x, or at least 8 with a digit among them
    f"|{_START}0[xX][0-9a-fA-F]+{_END}"
    f"|{_START}(?=[a-fA-F]*[0-9])[0-9a-fA-F]{{8,}}{_END}"
    # an id such as 01ARZ3NDEKTSV4RRFFQ69G5FAV: letters and digits that alternate
    f"|{_START}(?=[0-9A-Za-z]{{12}})(?=[0-9A-Za-z]*?(?:[A-Za-z][0-9]+[A-Za-z]|[0-9][A-Za-z]+[0-9]))"
    f"[0-9A-Za-z]+{_END}"
    # a number, a time, a version or an address
    r"|(?:(?<![\w-])-)?[0-9]+(?:[.,:][0-9]+)*"
)
_DIGIT = re.compile("[0-9]")


class FailureKind(NamedTuple):
    """A kind of failures. `message` is masked; both texts are empty if the error has none."""

    type: str
    """The type of the jobs."""
    error_type: str
    message: str

    @property
    def key(self) -> str:
        """The name of the kind: digits that are the same in each release and on each machine."""
        text = json.dumps([self.type, self.error_type, self.message])
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def masked(message: str) -> str:
    """Return the start of a message, on one line, with MASK for each number and id."""
    words = message[:READ_LENGTH].split()
    # To look only at words with digits takes a fifth of the time.
    return " ".join([_VARIABLE.sub(MASK, word) if _DIGIT.search(word) else word for word in words])[
        :MAX_MESSAGE_LENGTH
    ]


@lru_cache(1024)  # many jobs fail with the same error
def failure_kind(type: str, error: str | None) -> FailureKind:
    """Return the kind of a failure, from the type of the job and the stored JSON of its error."""
    error_type, message = error_texts(error)
    return FailureKind(type, error_type[:MAX_MESSAGE_LENGTH], masked(message))


@lru_cache(1024)
def key_of(kind: FailureKind) -> str:
    """Return the key of a kind."""
    return kind.key


def failure_key(type: str, error: str | None) -> str:
    """Return the key of the kind of a failure, see `failure_kind`."""
    return key_of(failure_kind(type, error))


def error_texts(error: str | None) -> tuple[str, str]:
    """Return the type and the message in the stored JSON of an error; empty texts if it has none.

    Workers of earlier releases stored errors unchecked.
    """
    try:
        document: JsonValue = json.loads(error or "null")
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(document, dict):
        return "", ""
    return _text(document.get("type")), _text(document.get("message"))


def _text(value: JsonValue) -> str:
    """Return a text that any response can contain."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode(errors="replace").decode()
