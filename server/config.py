"""Settings of the listener."""

from pydantic import Field, ValidationInfo, field_validator

from server.edge_config import EdgeSettings


class ServerSettings(EdgeSettings):
    """What the listener needs to know, from the environment."""

    port: int = Field(5000, ge=0, le=65535, description="TCP port to listen on; 0 picks a free one")
    host: str = Field("", description="address to listen on; empty: all")
    max_upload_bytes: int = Field(
        10 * 1024**3, ge=1, description="largest file that is taken; above it the answer is 413"
    )
    max_json_bytes: int = Field(
        1024**2, ge=1024, description="largest JSON body or form field; above it the answer is 413"
    )
    max_streams: int = Field(
        2000, ge=1, description="most clients that may follow events at once; above it 503"
    )
    callback_secret: str = Field(
        "", description="what callbacks are signed with, at least 16 characters"
    )
    callback_hosts: str = Field(
        "",
        description="hosts that callback_url may name, as in hooks.example.org,10.0.0.7:8443; "
        "empty: no callbacks",
    )
    min_free_bytes: int | None = Field(
        None,
        ge=0,
        description="room on the disk below which new jobs are refused with 507; 0: none; "
        "unset: 268435456, but at most a tenth of the disk",
    )

    @field_validator("callback_secret")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if len(value) < 16:
            raise ValueError("it must have at least 16 characters")
        return value

    @field_validator("callback_hosts")
    @classmethod
    def _signed(cls, value: str, info: ValidationInfo) -> str:
        if value and not info.data.get("callback_secret"):
            raise ValueError("it needs CALLBACK_SECRET")
        return value

    @property
    def allowed_callback_hosts(self) -> frozenset[str]:
        """The names in CALLBACK_HOSTS."""
        names = (name.strip().lower() for name in self.callback_hosts.split(","))
        return frozenset(filter(None, names))
