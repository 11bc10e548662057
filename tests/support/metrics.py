"""Reads /metrics."""

from prometheus_client.parser import text_string_to_metric_families

from tests.support.api import Client


async def samples(client: Client, **headers: str) -> dict[tuple[str, ...], float]:
    """Return the samples of /metrics by name and labels."""
    response = await client.fetch("/metrics", headers=headers)
    assert response.code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    families = list(text_string_to_metric_families(response.body.decode()))
    assert all(family.documentation for family in families)
    found: dict[tuple[str, ...], float] = {}
    for sample in (sample for family in families for sample in family.samples):
        labels = [value for _, value in sorted(sample.labels.items())]
        found[sample.name.removeprefix("job_service_"), *labels] = sample.value
    return found
