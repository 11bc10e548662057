"""Settings of the listener."""

from pydantic import Field

from storage.config import Settings


class ServerSettings(Settings):
    """What the listener needs to know, from the environment."""

    port: int = Field(5000, ge=0, le=65535, description="TCP port to listen on; 0 picks a free one")
    host: str = Field("", description="address to listen on; empty: all")
    max_upload_bytes: int = Field(
        10 * 1024**3, ge=1, description="largest file that is taken; above it the answer is 413"
    )
    max_json_bytes: int = Field(
        1024**2, ge=1024, description="largest JSON body or form field; above it the answer is 413"
    )
