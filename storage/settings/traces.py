"""The settings of traces, under OpenTelemetry's names.

If traces are on, OpenTelemetry's libraries read its other variables themselves, such as
OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and OTEL_BSP_SCHEDULE_DELAY.
"""

from urllib.parse import urlparse

from pydantic import Field, field_validator

from storage.settings.settings import Settings


class TraceSettings(Settings):
    """Adds the settings that say whether spans are exported, and where to."""

    otel_exporter_otlp_endpoint: str = Field(
        "",
        description="Address of a collector that gets traces by OTLP over HTTP, such as "
        "http://collector:4318. Empty: no traces.",
    )
    otel_exporter_otlp_traces_endpoint: str = Field(
        "",
        description="Full address for traces, such as http://collector:4318/v1/traces. It takes "
        "precedence over OTEL_EXPORTER_OTLP_ENDPOINT.",
    )
    otel_exporter_otlp_headers: str = Field(
        "", repr=False, description="Headers to send with traces, such as api-key=KEY,other=VALUE."
    )

    otel_sdk_disabled: bool = Field(
        False, description="true: no traces, even if an address is set."
    )

    @field_validator("otel_exporter_otlp_endpoint", "otel_exporter_otlp_traces_endpoint")
    @classmethod
    def _collector(cls, value: str) -> str:
        if value and urlparse(value).scheme not in {"http", "https"}:
            raise ValueError("it must start with http:// or https://")
        return value

    @property
    def traces(self) -> bool:
        """Whether spans are exported."""
        given = self.otel_exporter_otlp_endpoint or self.otel_exporter_otlp_traces_endpoint
        return bool(given) and not self.otel_sdk_disabled
