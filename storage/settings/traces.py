"""Settings of traces, by the names that OpenTelemetry has given them.

Those that are not here the libraries read themselves, where traces are on: OTEL_SERVICE_NAME,
OTEL_TRACES_SAMPLER, OTEL_BSP_SCHEDULE_DELAY and so on.
"""

from typing import Literal
from urllib.parse import urlparse

from pydantic import Field, field_validator

from storage.settings.settings import Settings


class TraceSettings(Settings):
    """Whether spans are sent, and where to."""

    otel_exporter_otlp_endpoint: str = Field(
        "",
        description="where traces are sent to by OTLP over HTTP, as in http://collector:4318; "
        "empty: there are none",
    )
    otel_exporter_otlp_traces_endpoint: str = Field(
        "", description="the same with its path, as in http://collector:4318/v1/traces"
    )
    otel_exporter_otlp_headers: str = Field(
        "", repr=False, description="headers to send with them, as in api-key=KEY,other=VALUE"
    )
    otel_exporter_otlp_protocol: Literal["http/protobuf"] = Field(
        "http/protobuf", description="how they are sent; there is no other way here"
    )
    otel_sdk_disabled: bool = Field(False, description="true: no traces, whatever else is set")

    @field_validator("otel_exporter_otlp_endpoint", "otel_exporter_otlp_traces_endpoint")
    @classmethod
    def _collector(cls, value: str) -> str:
        if value and urlparse(value).scheme not in {"http", "https"}:
            raise ValueError("it must start with http:// or https://")
        return value

    @property
    def traces(self) -> bool:
        """Whether spans are sent."""
        given = self.otel_exporter_otlp_endpoint or self.otel_exporter_otlp_traces_endpoint
        return bool(given) and not self.otel_sdk_disabled
