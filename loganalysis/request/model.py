"""The base class of the parts of a request. Imports nothing of ours."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A Pydantic model that is immutable and strict: it rejects unknown fields, and converts no
    types, so the text "1" is no number."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")
