"""Finds jobs by their id, or by its beginning or end."""

import re
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from jobservice.cli.exits import FAILED, USAGE, CommandError
from jobservice.cli.output import formats

if TYPE_CHECKING:
    from jobservice import Client

MIN_DIGITS = 4
MAX_CANDIDATES = 5
_PART = re.compile(r"[0-9a-f]+(?:-[0-9a-f]*)*")


def resolve(client: "Client", text: str) -> str:
    """The id of the only job whose id is, begins with, or ends with this text.

    Dashes and case do not matter. A part needs four digits.
    """
    digits = text.strip().lower().replace("-", "")
    if not _PART.fullmatch(text.strip().lower()) or not MIN_DIGITS <= len(digits) <= 32:
        raise CommandError(
            f"{text!r} is not a job id: use all of it, or at least {MIN_DIGITS} hexadecimal "
            "digits of its beginning or end",
            USAGE,
        )
    if len(digits) == 32:
        return str(uuid.UUID(digits))
    found = _candidates(client, digits)
    if not found:
        raise CommandError(f"no job has an id that begins or ends with {text}", FAILED)
    if len(found) > 1:
        raise CommandError(_ambiguous(text, found), USAGE, candidates=list(found))
    return next(iter(found))


def resolve_all(client: "Client", texts: Iterable[str]) -> list[str]:
    """The ids of several jobs, each once, in the given order."""
    return list(dict.fromkeys(resolve(client, text) for text in texts))


def _candidates(client: "Client", digits: str) -> dict[str, str]:
    """Descriptions of matching jobs by id: one more than an error names, at most."""
    found: dict[str, str] = {}
    for job in client.list(text=digits):  # also finds jobs with the text in their payload
        plain = job.id.replace("-", "")
        if plain.startswith(digits) or plain.endswith(digits):
            found[job.id] = f"{job.data.type}, {job.status}, {formats.moment(job.data.created_at)}"
            if len(found) > MAX_CANDIDATES:
                break
    return found


def _ambiguous(text: str, found: dict[str, str]) -> str:
    shown = [f"  {job_id}  {about}" for job_id, about in list(found.items())[:MAX_CANDIDATES]]
    more = ["  and more"] if len(found) > MAX_CANDIDATES else []
    return "\n".join([f"several jobs have an id that begins or ends with {text}:", *shown, *more])
