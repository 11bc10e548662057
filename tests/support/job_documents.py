"""Reads documents of jobs as clients should: a field that was left out has the value of UNSET."""

import json
from copy import copy
from typing import Any

from server.documents.schemas.job_schemas import UNSET


class JobFields(dict[str, Any]):
    """The fields of a job. It equals what was sent, and knows what was left out."""

    def __missing__(self, name: str) -> Any:
        return copy(UNSET[name])


def loads(text: str | bytes) -> Any:
    """Parse JSON. Jobs in it are JobFields."""
    return json.loads(text, object_hook=_job_fields)


def _job_fields(document: dict[str, Any]) -> dict[str, Any]:
    return JobFields(document) if document.keys() >= {"job_id", "type", "run_at"} else document
