"""`jobservice whoami`."""

from collections.abc import Callable, Iterator, Mapping

import typer

from jobservice.cli.command import command
from jobservice.cli.output import formats
from jobservice.cli.session import Session
from jobservice.json_values import JsonValue


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    command(app, "whoami", ("whoami", "whoami --json"))(whoami)


def whoami(session: Session) -> None:
    """Show your name, role and quotas, and how much of each quota you have used."""
    found, output = session.client.session(), session.output
    if output.as_json:
        output.document(dict(found))
        return
    queues = found.get("queues")
    role = f"{found['role']} in {', '.join(queues)}" if queues else found["role"]
    output.fields(
        [
            ("service", session.address.url),
            ("name", found["name"] or "(the service asks for no token)"),
            ("role", role),
            *([("until", formats.moment(found["expires_at"]))] if found.get("expires_at") else []),
            *_quotas(found.get("quotas") or {}),
        ]
    )


def _quotas(quotas: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    """Yield names and texts of the quotas. A service of an earlier release has none."""
    if queued := quotas.get("queued"):
        yield "queued", f"{_used(queued, formats.number)}{formats.counted(queued['limit'], 'job')}"
    if size := quotas.get("bytes"):
        yield "bytes", f"{_used(size, formats.binary_size)}{formats.binary_size(size['limit'])}"
    if requests := quotas.get("requests"):
        at_once = f"{requests['used']:,} of {requests['burst']:,} at once are used"
        yield "requests", f"{requests['limit']:g} per second ({at_once})"


def _used(quota: Mapping[str, JsonValue], text: Callable[[int], str]) -> str:
    """Return how much of a quota is used, before its limit; empty if the service cannot say."""
    return "" if quota["used"] is None else f"{text(quota['used'])} of "
