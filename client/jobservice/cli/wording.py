"""Says errors of the service, which speak of HTTP, in the words of the command line."""

import re

from jobservice.cli import program

OPTIONS = {
    "created_after": "--after",
    "created_before": "--before",
    "schedule": "--schedule",
    "submitted_by": "--submitted-by",
    "status": "--status",
    "queue": "--queue",
    "priority": "--priority",
    "timeout": "--timeout",
    "delay": "--delay",
    "run_at": "--run-at",
    "max_retries": "--max-retries",
    "max_losses": "--max-losses",
    "callback_url": "--callback-url",
    "cron": "--cron",
    "every": "--every",
    "timezone": "--timezone",
    "missed": "--missed",
    "overlap": "--overlap",
    "until": "--until",
}
"""The option of each field of a filter, a submission or a schedule."""
COMMANDS = (
    (r"PUT /pattern-sets/NAME\b", "pattern-sets save NAME FILE"),
    (r"GET /pattern-sets\b", "pattern-sets"),
    (r"PUT /schedules/NAME\b", "schedules put NAME TYPE"),
    (r"GET /schedules\b", "schedules"),
    (r"PUT /queues/NAME\b", "queues create NAME"),
    (r"GET /queues\b", "queues"),
    (r"POST /jobs/([\w-]+)/(cancel|retry)\b", r"\2 \1"),
    (r"DELETE /jobs/([\w-]+)", r"delete \1"),
    (r"GET /jobs/([\w-]+)", r"show \1"),
)
"""Patterns of requests, and the commands that send them."""
_FIELD = re.compile(rf"(?<![\w.\"'])(?:options\.)?({'|'.join(OPTIONS)})(?=: )")


def in_commands(detail: str) -> str:
    """Replace requests by commands, and names of fields before a colon by options."""
    text = _FIELD.sub(lambda found: OPTIONS[found[1]], detail)
    for request, command in COMMANDS:
        text = re.sub(f"`?{request}`?", f"`{program.name()} {command}`", text)
    return text
