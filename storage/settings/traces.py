"""Settings of tracing, under OpenTelemetry's standard names.

OpenTelemetry's libraries read further variables themselves if tracing is on, such as
OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and OTEL_BSP_SCHEDULE_DELAY.
"""

from typing import Literal
from urllib.parse import urlparse

from pydantic import Field, field_validator

from storage.settings.settings import Settings


class TraceSettings(Settings):
    """Whether spans are sent, and to which collector."""

    otel_exporter_otlp_endpoint: str = Field(
        "",
        description="collector that receives traces by OTLP over HTTP, as in "
        "http://collector:4318; empty: no traces",
    )
    otel_exporter_otlp_traces_endpoint: str = Field(
        "", description="collector for traces with its path, as in http://collector:4318/v1/traces"
    )
    otel_exporter_otlp_headers: str = Field(
        "", repr=False, description="headers to send with traces, as in api-key=KEY,other=VALUE"
    )
    otel_exporter_otlp_protocol: Literal["http/protobuf"] = Field(
        "http/protobuf", description="how traces are sent; no other protocol is supported"
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
