"""The query parameters of calls about stored files."""

from typing import Literal

from pydantic import Field

from server.documents.filters import Query


class DownloadQuery(Query):
    """The query parameters of a download."""

    disposition: Literal["attachment", "inline"] = Field(
        "attachment", description="attachment: browsers save the file; inline: they may show it"
    )
