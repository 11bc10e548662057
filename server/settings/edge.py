"""Settings of the listener that bound what clients can do to it."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

from pydantic import Field, field_validator

from storage.settings.settings import Seconds
from storage.settings.traces import TraceSettings

Network = IPv4Network | IPv6Network
_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]+")


class EdgeSettings(TraceSettings):
    """Those of connections, requests and who may ask."""

    max_connections: int | None = Field(
        None,
        ge=1,
        description="connections at once, the others wait; unset: half of the open files that the "
        "process may have, less a reserve",
    )
    idle_seconds: Seconds = Field(
        75.0, ge=1, description="how long a connection is kept between two requests"
    )
    slow_seconds: Seconds = Field(
        10.0,
        ge=1,
        description="how long the head of a request may take, and a body or the reading of an "
        "answer may stall; then 408, or the end of the connection",
    )
    min_bytes_per_second: int = Field(
        1024, ge=1, description="pace below which a body or the reading of an answer counts as slow"
    )
    max_header_bytes: int = Field(
        16384,
        ge=1024,
        le=1024**2,
        description="largest head of a request; above it the answer is 431",
    )
    max_queued_jobs: int = Field(
        10_000_000, ge=0, description="jobs that may wait; above it new ones get 503; 0: no limit"
    )
    rate_limit: float | None = Field(
        None,
        gt=0,
        le=1e6,
        allow_inf_nan=False,
        description="requests a second of each caller or address, above it 429; unset: no limit",
    )
    rate_burst: int | None = Field(
        None, ge=1, le=10**6, description="requests at once; unset: twice RATE_LIMIT, 20 at least"
    )
    trusted_proxies: str = Field(
        "",
        description="addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are "
        "believed, as in 10.0.0.0/8,127.0.0.1",
    )
    cors_origins: str = Field(
        "",
        description="origins whose pages may use the API, as in https://app.example.org; "
        "empty: none but its own",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for text in _listed(value):
            ip_network(text)  # raises ValueError, which says what is wrong
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for text in _listed(value):
            if not _ORIGIN.fullmatch(text):
                raise ValueError(f"{text!r} is not an origin, as in https://app.example.org:8443")
        return value

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        """Those in TRUSTED_PROXIES."""
        return tuple(ip_network(text) for text in _listed(self.trusted_proxies))

    @property
    def origins(self) -> frozenset[str]:
        """Those in CORS_ORIGINS."""
        return frozenset(_listed(self.cors_origins))


def _listed(value: str) -> list[str]:
    return [text.strip() for text in value.split(",") if text.strip()]
