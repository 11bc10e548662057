"""The JSON documents about job types as types."""

from typing import Literal

from typing_extensions import TypedDict

from storage.records.json_values import Json

OriginName = Literal["built-in", "package", "folder", "installed", "commands"]


class JobTypeDocument(TypedDict):
    """A job type: what it does, what its jobs take, and where it comes from."""

    name: str
    """What submissions give as `type`."""
    summary: str
    """The first line of its description; empty if it has none."""
    version: str
    """The version that the type declares, or that of its installed package; empty if unknown."""
    origin: OriginName
    """Where it comes from: folder and installed ones are found by scans, packages are named."""
    file: str | None
    """The file in the folder of job types, or the installed module; null for others."""
    upload: Literal["none", "required", "optional"]
    """Whether a job of this type needs a file, or may have one."""
    payload_schema: Json
    """JSON Schema of the payload."""
    defaults: Json
    """Options that jobs of this type have unless their submissions say otherwise."""
    isolation: Literal["caller", "shared", "fresh"]
    """Which jobs a process runs one after the other: those of one caller, those of all callers, or
    a single one."""
    network: bool
    """Whether jobs of this type may use the network."""


class BrokenTypeDocument(TypedDict):
    """A file or a job type in it that does not work, and is left out."""

    origin: OriginName
    """Where it comes from."""
    file: str
    """The path in the folder of job types, or the name of an installed module."""
    line: int | None
    """The line with the error; null if it is unknown."""
    reason: str
    """What is wrong."""
    remedy: str
    """What to do."""


class JobTypesDocument(TypedDict):
    """All job types of a listener."""

    types: list[JobTypeDocument]
    """The job types, sorted by name."""
    broken: list[BrokenTypeDocument]
    """What does not work, for callers that may submit jobs; empty for others."""
