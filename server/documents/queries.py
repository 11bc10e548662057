"""Query parameters: the base class of their models. Imports nothing of ours."""

import re
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _digits(value: Any) -> Any:
    """Refuse other forms that Python reads as a number, such as 1_0 and 1.0."""
    return value if not isinstance(value, str) or re.fullmatch("-?[0-9]+", value) else ""


Whole = Annotated[int, BeforeValidator(_digits)]
"""A whole number as text, in decimal digits."""


class Query(BaseModel):
    """The query parameters of a call. It refuses all others."""

    model_config = ConfigDict(extra="forbid")

    REPEATABLE: ClassVar[frozenset[str]] = frozenset()
    """The parameters of which a request may have several; all their values count."""
