"""Prints why a job does not run yet, and when it is expected to start and end."""

from collections.abc import Mapping

from jobservice.cli.output import formats
from jobservice.cli.output.console import Output
from jobservice.json_values import JsonValue


def show(output: Output, document: Mapping[str, JsonValue]) -> None:
    """Print the reasons and the estimates of an explanation or of a dry run."""
    for reason in document["reasons"]:
        output.line(f"  {formats.with_moments(reason['detail'])}")
    is_paused = any(reason["code"] == "queue_paused" for reason in document["reasons"])
    if document.get("position") and not is_paused:
        more = " or more" if document.get("ahead_is_more") else ""
        output.line(f"  position {formats.number(document['position'])}{more}")
    if document.get("estimated_seconds") is not None:
        start = formats.moment(document["estimated_start_at"])
        seconds = document["estimated_seconds"]
        when = f"in {formats.duration(seconds)}, at {start}" if seconds else "at once"
        output.line(f"  it is expected to start {when}")
    if document.get("estimated_duration") is not None:
        took = formats.duration(document["estimated_duration"])
        output.line(f"  such jobs take about {took}")
    if document.get("estimated_end_at") is not None:
        output.line(f"  it is expected to end at {formats.moment(document['estimated_end_at'])}")
