"""Settings of the listener."""

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from server.auth import tokens
from server.settings.edge import EdgeSettings
from storage.records.ids import MAX_CELLS
from storage.settings.settings import Seconds

LEAST_SECRET = 16


class ServerSettings(EdgeSettings):
    """What the listener needs to know, from the environment."""

    program = "listener"

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
    cell: int | None = Field(
        None,
        ge=0,
        lt=MAX_CELLS,
        description="number of this service among several, to be in the ids of its jobs",
    )
    api_tokens: str = Field(
        "",
        repr=False,
        description="who may do what, as in ci:submit:TOKEN,ops:admin:sha256:HEX, with the roles "
        "read, submit and admin; without any token, anyone may do anything",
    )
    api_tokens_file: Path | None = Field(
        None, description="file of such tokens, one a line; it is read again when it changes"
    )
    cookie_secret: str = Field(
        "",
        repr=False,
        description="what sign-ins of the web front end are signed with, at least 16 characters; "
        "empty: a key that is made in DATA_DIR",
    )
    session_seconds: Seconds = Field(
        43200, ge=60, le=31536000, description="how long a sign-in of the web front end lasts"
    )
    callback_secret: str = Field(
        "", repr=False, description="what callbacks are signed with, at least 16 characters"
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

    @field_validator("callback_secret", "cookie_secret")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if len(value) < LEAST_SECRET:
            raise ValueError(f"it must have at least {LEAST_SECRET} characters")
        return value

    @field_validator("callback_hosts")
    @classmethod
    def _signed(cls, value: str, info: ValidationInfo) -> str:
        if value and not info.data.get("callback_secret"):
            raise ValueError("it needs CALLBACK_SECRET")
        return value

    @field_validator("api_tokens")
    @classmethod
    def _good_tokens(cls, value: str) -> str:
        tokens.in_setting(value)
        return value

    @field_validator("api_tokens_file")
    @classmethod
    def _good_file(cls, value: Path, info: ValidationInfo) -> Path:
        others = info.data.get("api_tokens", "")
        found = [*tokens.in_file(value), *(tokens.in_setting(others) if others else ())]
        tokens.require_different(found)
        return value

    def tokens(self) -> tokens.Tokens | None:
        """Those of API_TOKENS and API_TOKENS_FILE; None if neither is set. Raises TokensError."""
        if not self.api_tokens and self.api_tokens_file is None:
            return None
        fixed = tokens.in_setting(self.api_tokens) if self.api_tokens else []
        return tokens.Tokens(fixed, self.api_tokens_file)

    @property
    def allowed_callback_hosts(self) -> frozenset[str]:
        """The names in CALLBACK_HOSTS."""
        names = (name.strip().lower() for name in self.callback_hosts.split(","))
        return frozenset(filter(None, names))
