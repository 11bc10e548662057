"""Reads the documents of job types into frozen dataclasses; `documents` reads those of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobservice.documents import known_fields
from jobservice.json_values import JsonValue


@dataclass(frozen=True)
class TypeData:
    """A job type of a service.

    summary: the first line of the description of the type; empty if it has none.
    version: the version that the type declares, or the version of its package; may be empty.
    origin: `built-in`, `package`, `folder`, `installed` or `commands`.
    file: the file in the folder of job types, or the installed module; None for others.
    upload: `none`, `required` or `optional`.
    payload_schema: the JSON Schema of the payload.
    defaults: the options that its jobs have if the submission does not set them.
    isolation: `caller` if a process runs jobs of one caller only, `shared` if it runs those of all
        callers, `fresh` if each job has a new one.
    network: whether its jobs may use the network.
    """

    name: str
    summary: str = ""
    version: str = ""
    origin: str = ""
    file: str | None = None
    upload: str = "none"
    payload_schema: Mapping[str, JsonValue] = field(default_factory=dict)
    defaults: Mapping[str, JsonValue] = field(default_factory=dict)
    isolation: str = "shared"
    network: bool = True
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


@dataclass(frozen=True)
class BrokenTypeData:
    """A file of job types that does not work, with the line, the reason and the remedy.

    file: the path in the folder of job types, or the name of an installed module.
    """

    origin: str
    file: str
    line: int | None
    reason: str
    remedy: str
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


@dataclass(frozen=True)
class Types:
    """The job types of a service, sorted by name, and what does not work.

    `broken` is empty for callers that may not submit jobs.
    """

    types: tuple[TypeData, ...]
    broken: tuple[BrokenTypeData, ...]


def read_type(document: Mapping[str, JsonValue]) -> TypeData:
    """Build a job type from its JSON document."""
    return TypeData(**known_fields(TypeData, document), raw=document)


def read_types(document: Mapping[str, JsonValue]) -> Types:
    """Build the job types of a service from their JSON document."""
    broken = (
        BrokenTypeData(**known_fields(BrokenTypeData, each), raw=each)
        for each in document["broken"]
    )
    return Types(tuple(map(read_type, document["types"])), tuple(broken))
