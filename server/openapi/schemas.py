"""The JSON Schemas of the API, generated from its models and document types."""

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import or_
from typing import Any, Literal

from pydantic import TypeAdapter, create_model

from runner.job_types.base import JobType
from server.documents.submission import FILE_PART, Submission

Json = dict[str, Any]
REFERENCE = "#/components/schemas/{model}"


class Schemas:
    """The schemas of many models. Shared definitions are in `components`, and are used by
    reference.
    """

    def __init__(self, models: Iterable[Any]):
        adapters = [(each, "validation", TypeAdapter(each)) for each in models]
        found, shared = TypeAdapter.json_schemas(adapters, ref_template=REFERENCE)  # type: ignore[arg-type]
        self.components: Json = shared.get("$defs", {})
        self._schemas = {model: schema for (model, _), schema in found.items()}

    def of(self, model: Any) -> Json:
        """Return the schema of a model, or one that accepts any model of a tuple."""
        if isinstance(model, tuple):
            return {"anyOf": [self.of(each) for each in model]}
        return dict(self._schemas[model])

    def parameters(self, model: Any) -> list[Json]:
        """Return the fields of a model as query parameters."""
        properties = self._resolved(model)["properties"]
        return [_parameter(name, schema) for name, schema in properties.items()]

    def _resolved(self, model: Any) -> Json:
        schema = self.of(model)
        name = schema.get("$ref", "").rpartition("/")[2]
        found: Json = self.components[name] if name else schema
        return found


def new_jobs(job_types: Mapping[str, JobType[Any]]) -> Any:
    """Create a model of new jobs: a union with one member, and its payload model, for each job
    type.
    """
    models = [_new_job(name, job_type) for name, job_type in sorted(job_types.items())]
    return reduce(or_, models)


def new_forms(job_types: Mapping[str, JobType[Any]]) -> Any:
    """Create a model of forms with a file for the job types that need one; None without any."""
    file: dict[str, Any] = {FILE_PART: (bytes, ...)}
    models = [
        create_model(f"Form_{name}", __base__=_new_job(name, job_type), **file)
        for name, job_type in sorted(job_types.items())
        if job_type.upload == "required"
    ]
    return reduce(or_, models) if models else None


def _new_job(name: str, job_type: JobType[Any]) -> Any:
    own: dict[str, Any] = {"type": (Literal[name], ...), "payload": (job_type.Payload, ...)}
    doc = (type(job_type).__doc__ or "").strip().partition("\n")[0]
    return create_model(f"NewJob_{name}", __base__=Submission, __doc__=doc, **own)


def _parameter(name: str, schema: Json) -> Json:
    """Build a query parameter. An optional field may be null; an optional parameter is left out
    instead.
    """
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "title")}
    if rest.get("default", 0) is None:
        del rest["default"]
    description = rest.pop("description", "")
    own = {**kinds[0], **rest} if len(kinds) == 1 else {"anyOf": kinds, **rest} if kinds else rest
    return {"name": name, "in": "query", "description": description, "schema": own}
