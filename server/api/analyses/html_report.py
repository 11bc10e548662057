"""The result of a job of the type analyze as one HTML file that needs nothing else."""

from collections.abc import Mapping

from loganalysis import PAGE_POLICY as POLICY
from loganalysis import html_page
from server.api.analyses.comparison_document import ComparisonDocument
from server.api.analyses.tables import comparison_table
from storage.records.json_values import JsonValue

__all__ = ["POLICY", "html_report"]


def html_report(job: Mapping[str, JsonValue], comparison: ComparisonDocument | None = None) -> str:
    """Return the report about a job of the type analyze that has succeeded.

    `job` is its document. `comparison` is its comparison with an earlier job.
    """
    name = (job.get("upload") or {}).get("name") or "a file"
    table = comparison_table(comparison)
    added = (table, _about_comparison(comparison)) if table and comparison else None
    return html_page(name, job["result"], _about(job), added)


def _about(job: Mapping[str, JsonValue]) -> str:
    facts = [f"job {job['job_id']}", f"finished {job['finished_at']}"]
    if job.get("submitted_by"):
        facts.append(f"submitted by {job['submitted_by']}")
    return ", ".join(facts)


def _about_comparison(comparison: ComparisonDocument) -> str:
    before, how = comparison["before"], comparison["significance"]
    return (
        f"Compared with {before['name'] or 'a file'} (job {before['job_id']}), per {how['per']}:"
        f" conditional test of two Poisson rates, corrected for {how['comparisons']} comparisons by"
        f" Holm's method, at the level of {how['alpha']:g} and from a factor of"
        f" {how['min_ratio']:g} on. Significant changes are bold."
    )
