"""The schemas of new jobs: one for each job type, with its payload, and one for forms."""

import re
from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Literal

from pydantic import Field, create_model

from runner.job_types.base import AnyJobType
from server.api.openapi.operation import FORM, NEW_JOB
from server.api.openapi.schemas import Schemas, component_name
from server.documents.submission import Submission
from server.jobs.validation.received import FILE_PART, FILES_PART
from storage.records.ids import MAX_BATCH_JOBS
from storage.records.json_values import Json

_ABOUT = "A new job. Its type decides what its payload is."
_ABOUT_FILE = (
    f"The file. To store several files as one zip archive, send parts named {FILES_PART} instead;"
    " generated clients cannot."
)
_ABOUT_FORM = "A new job with its file. Send the file last: the rest is then checked before it."


class NewJobs:
    """The models of new jobs of some job types."""

    def __init__(self, job_types: Mapping[str, AnyJobType]):
        self.jobs = {name: _job(name, each) for name, each in sorted(job_types.items())}
        self.with_file = {
            name: each for name, each in sorted(job_types.items()) if each.upload != "none"
        }
        self._need_file = {
            name for name, each in self.with_file.items() if each.upload == "required"
        }
        self.form = _form(self.with_file) if self.with_file else None
        """None if no job type takes a file."""

    @property
    def models(self) -> list[object]:
        """All models."""
        return [*self.jobs.values(), *([self.form] if self.form else [])]

    def add_to(self, schemas: Schemas) -> None:
        """Name the schemas of new jobs and of forms."""
        references = {name: schemas.of(model) for name, model in self.jobs.items()}
        mapping = {name: reference["$ref"] for name, reference in references.items()}
        union = {
            "description": _ABOUT,
            "oneOf": list(references.values()),
            "discriminator": {"propertyName": "type", "mapping": mapping},
        }
        schemas.name(NEW_JOB, "JobRequest", union)
        if self.form:
            # OpenAPI Generator sends a field of a form as JSON in Go only if it is optional, and in
            # TypeScript only if it is a reference and nothing else.
            form = schemas.resolved(self.form)
            required = [name for name in form["required"] if name != "payload"]
            payload = form["properties"]["payload"]
            payload = {"$ref": payload["$ref"]} if "$ref" in payload else payload
            properties = {**form["properties"], "payload": payload}
            schemas.name(FORM, "JobForm", {**form, "properties": properties, "required": required})

    def content(self, schemas: Schemas) -> dict[str, Json]:
        """Return the media type of a submission, with an example for each job type that has one.

        `POST /jobs` takes forms, too. They are described for another path alone, because generators
        know one media type for each path.
        """
        examples = {
            name: {"summary": f"Type {name}", "value": {"type": name, "payload": payload}}
            for name, model in self.jobs.items()
            if (payload := _example(schemas, model)) is not None
        }
        return {"application/json": _media_type(schemas.of(NEW_JOB), examples)}

    def batch_content(self, schemas: Schemas) -> dict[str, Json]:
        """Return the media type of a batch, with an example of two jobs if a job type has one.

        JSON lines are accepted, too. Only the description of the operation says so.
        """
        jobs = [
            {"type": name, "payload": payload}
            for name, model in self.jobs.items()
            if name not in self._need_file and (payload := _example(schemas, model)) is not None
        ]
        examples = {"two": {"summary": "Two jobs", "value": jobs[:1] * 2}} if jobs else {}
        several = {
            "type": "array",
            "items": schemas.of(NEW_JOB),
            "minItems": 1,
            "maxItems": MAX_BATCH_JOBS,
        }
        return {"application/json": _media_type(several, examples)}

    def form_content(self, schemas: Schemas) -> dict[str, Json]:
        """Return the media type of a submission with a file; nothing if no job type takes one."""
        if self.form is None:
            return {}
        examples = {}
        for name in self.with_file:
            payload = _example(schemas, self.jobs[name])
            if payload is not None:
                value = {"type": name, "payload": payload, FILE_PART: "(the bytes of the file)"}
                examples[name] = {"summary": f"Type {name}", "value": value}
        return {"multipart/form-data": _media_type(schemas.of(FORM), examples)}


def _media_type(schema: Json, examples: Json) -> Json:
    return {"schema": schema, **({"examples": examples} if examples else {})}


def _job(name: str, job_type: AnyJobType) -> object:
    words = "".join(word.capitalize() for word in re.findall("[A-Za-z0-9]+", name))
    fields: Json = {
        "type": (Literal[name], Submission.model_fields["type"]),
        "payload": (job_type.Payload, Submission.model_fields["payload"]),
    }
    doc = (type(job_type).__doc__ or "").strip().partition("\n")[0]
    return create_model(f"{words or 'Other'}JobRequest", __base__=Submission, __doc__=doc, **fields)


def _form(job_types: Mapping[str, AnyJobType]) -> object:
    """Create one model for the forms of all job types: generators know no alternatives of forms."""
    payload = reduce(or_, [each.Payload for each in job_types.values()])
    fields: Json = {
        "type": (Literal[tuple(job_types)], Submission.model_fields["type"]),
        "payload": (payload, Submission.model_fields["payload"]),
        FILE_PART: (bytes, Field(description=_ABOUT_FILE)),
    }
    return create_model("JobForm", __base__=Submission, __doc__=_ABOUT_FORM, **fields)


def _example(schemas: Schemas, model: object) -> Json | None:
    """Return a payload with the first example of each required field; None if one has none."""
    payload = schemas.components[component_name(schemas.resolved(model)["properties"]["payload"])]
    fields = {name: payload["properties"][name] for name in payload.get("required", [])}
    if not all(field.get("examples") for field in fields.values()):
        return None
    return {name: field["examples"][0] for name, field in fields.items()}
