"""Query parameters: the base class of their models. Imports nothing of ours."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Query(BaseModel):
    """The query parameters of a call. It refuses all others."""

    model_config = ConfigDict(extra="forbid")

    REPEATABLE: ClassVar[frozenset[str]] = frozenset()
    """The parameters of which a request may have several; all their values count."""
