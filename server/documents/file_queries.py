"""The query parameters of calls about stored files."""

import unicodedata
from typing import Literal

from pydantic import Field

from server.documents.filters import Query
from server.documents.options.upload_reference import MAX_NAME

_HIDDEN = frozenset(["Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"])
"""Unicode categories of invisible characters, direction marks and line ends."""


class DownloadQuery(Query):
    """The query parameters of a download."""

    disposition: Literal["attachment", "inline"] = Field(
        "attachment", description="attachment: browsers save the file; inline: they may show it"
    )


class BundleQuery(Query):
    """The query parameters of a bundle."""

    files: bool = Field(
        False, description="true adds the file that the job was given, and those that it has left"
    )


def display_name(name: str) -> str:
    """The client's name for its file, made safe for lists and logs. It is never used as a path."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if unicodedata.category(c) not in _HIDDEN)
    shown = shown.strip()[:MAX_NAME]
    return shown if shown.strip(". ") else "unnamed"
