"""How often the explanation of a log names the cause of a planted incident first.

    python -m benchmarks.loganalysis.incidents [--lines 200000] [--seed 1] [--show]

Each of 20 logs has one incident of ten minutes in six hours; 10 logs have none. The rate of lines
follows the hour, with noise from minute to minute; values are as frequent as in Zipf's law. A cause
is found if the first cause, or the first slow field if there are no causes, is one of those that
the incident consists of. Every explanation in a log without an incident is a false one.
"""

import argparse
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from loganalysis import analyze, read_request

START, SECONDS = datetime(2026, 11, 25, 6, tzinfo=UTC).timestamp(), 6 * 3600
INCIDENT = 3.4 * 3600, 3.4 * 3600 + 600

Event = dict[str, str | float]
Change = Callable[[random.Random, Event], list[Event]]
"""What becomes of one event during the incident: any number of events."""

PATHS = ["/", "/login", "/api/cart", "/api/items", "/search", *(f"/product/{n}" for n in range(60))]
CLIENTS = [f"10.1.{n // 250}.{n % 250}" for n in range(900)]
MESSAGES = {
    "api": ("INFO", "request {id} done in {ms} ms", "INFO", "cache miss for key user:{id}"),
    "db": ("INFO", "checkpoint complete: wrote {id} buffers", "DEBUG", "vacuum of table t{few}"),
    "worker": ("INFO", "job {id} finished", "WARN", "job {id} is late by {ms} ms"),
    "payments": ("INFO", "payment {id} accepted", "ERROR", "card {id} declined by bank {few}"),
}


def zipf(draw: random.Random, values: list[str]) -> str:
    """One of the values; the n-th is 1 / n times as frequent as the first."""
    return values[min(int(len(values) ** draw.random()), len(values)) - 1]


def usual_event(draw: random.Random, second: float) -> Event:
    """An event of an ordinary day."""
    service = draw.choice([*["api"] * 6, *["worker"] * 2, "db", "payments"])
    level, often, rare_level, rare = MESSAGES[service]
    if draw.random() < 0.1:
        level, often = rare_level, rare
    ids = {"id": draw.randrange(10**6), "ms": draw.randrange(1, 900), "few": draw.randrange(1, 9)}
    return {
        "at": second,
        "service": service,
        "host": f"web-{draw.randrange(1, 7)}",
        "level": level,
        "message": often.format(**ids),
        "client": zipf(draw, CLIENTS),
        "method": draw.choice(["GET"] * 8 + ["POST", "PUT"]),
        "path": zipf(draw, PATHS),
        "status": draw.choice(["200"] * 90 + ["304"] * 6 + ["404"] * 3 + ["500"]),
        "seconds": round(draw.lognormvariate(-3, 0.6), 3),
        "version": "1.9.2",
    }


def more(share: float, **changed: str) -> Change:
    """Add events with these values to a share of all events."""

    def change(draw: random.Random, event: Event) -> list[Event]:
        values = {name: value.format(id=draw.randrange(10**6)) for name, value in changed.items()}
        return [event, {**event, **values}] if draw.random() < share else [event]

    return change


def without(**values: str) -> Change:
    """Leave out all events with these values."""
    return lambda draw, event: [] if values.items() <= event.items() else [event]


def slower(factor: float) -> Change:
    """Make everything slower."""
    return lambda draw, event: [{**event, "seconds": round(float(event["seconds"]) * factor, 3)}]


def failure(share: float, message: str, **values: str) -> Change:
    """Add errors with this message."""
    return more(share, level="ERROR", message=message, **values)


INCIDENTS: list[tuple[str, str, Change, tuple[str, ...]]] = [
    ("a client floods", "access", more(2, client="10.9.9.9"), ("client=10.9.9.9",)),
    ("a frequent client floods", "access", more(1, client=CLIENTS[3]), (f"client={CLIENTS[3]}",)),
    ("a route is popular", "access", more(1, path="/api/cart"), ("path=/api/cart",)),
    (
        "a route fails",
        "access",
        more(0.3, path="/api/cart", status="502"),
        ("path=/api/cart", "status=502", "5xx"),
    ),
    ("a scanner", "access", more(0.5, path="/wp-{id}.php", status="404"), ("status=404", "4xx")),
    ("too many requests", "access", more(0.2, status="429"), ("status=429", "4xx")),
    ("many deletions", "access", more(0.3, method="DELETE"), ("method=DELETE", "DELETE")),
    ("a slow dependency", "access", slower(12), ("slow seconds",)),
    ("slow answers", "json", slower(8), ("slow seconds",)),
    ("a host fails", "json", failure(1, "disk sda is read-only", host="web-3"), ("web-3", "disk")),
    ("a service is silent", "json", without(service="payments"), ("service=payments", "payment")),
    ("a canary", "json", more(0.5, version="2.0.0-rc1"), ("version=2.0.0-rc1",)),
    ("a deploy", "logfmt", more(0.05, message="schema migrated to {id}"), ("schema migrated",)),
    ("a replica refuses", "logfmt", failure(0.2, "connection refused to db-2"), ("refused", "ERR")),
    ("a host is silent", "logfmt", without(host="web-5"), ("host=web-5",)),
    ("debug lines", "python", more(1, level="DEBUG", message="state {id}"), ("DEBUG", "state")),
    ("no checkpoints", "python", without(service="db"), ("db", "checkpoint", "vacuum")),
    ("a full disk", "python", failure(0.1, "No space left on device"), ("No space", "ERROR")),
    (
        "restarts",
        "syslog",
        more(0.05, message="starting, pid {id}", service="init"),
        ("init", "st"),
    ),
    (
        "passwords are guessed",
        "syslog",
        more(0.4, service="sshd", message="Failed password for root from 10.9.9.9 port {id}"),
        ("program=sshd", "Failed password"),
    ),
]
WITHOUT = [style for style in ("access", "json", "logfmt", "python", "syslog") for _ in range(2)]


def shown(event: Event, style: str) -> str:
    """An event as a line."""
    at = datetime.fromtimestamp(float(event["at"]), UTC)
    each = {name: str(value) for name, value in event.items()}
    if style == "access":
        return (
            f"{each['client']} - - [{at:%d/%b/%Y:%H:%M:%S +0000}]"
            f' "{each["method"]} {each["path"]} HTTP/1.1" {each["status"]}'
            f' {len(each["message"]) * 97} "-" "curl/8" {each["seconds"]}'
        )
    if style == "python":
        clock = f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03}"
        return f"{clock} - {each['service']} - {each['level']} - {each['message']}"
    if style == "syslog":
        return f"{at:%b %e %H:%M:%S} {each['host']} {each['service']}[77]: {each['message']}"
    names = "service", "host", "level", "message", "seconds", "version"
    time_text = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    fields = {"time": time_text, **{name: event[name] for name in names}}
    if style == "json":
        return json.dumps(fields)
    return " ".join(f"{name}={json.dumps(str(value))}" for name, value in fields.items())


def events(draw: random.Random, lines: int, change: Change | None) -> Iterator[Event]:
    """The events of six hours, with the incident."""
    minutes = [
        (1 + 0.5 * math.sin(minute / 57)) * draw.lognormvariate(0, 0.15)
        for minute in range(SECONDS // 60)
    ]
    per_weight = lines / sum(minutes)
    for minute, weight in enumerate(minutes):
        seconds = sorted(draw.random() * 60 for _ in range(round(weight * per_weight)))
        for second in seconds:
            event = usual_event(draw, START + minute * 60 + second)
            is_incident = INCIDENT[0] <= minute * 60 + second < INCIDENT[1]
            yield from change(draw, event) if change and is_incident else [event]


def write_log(
    path: Path, draw: random.Random, style: str, lines: int, change: Change | None
) -> None:
    """Write a log."""
    with path.open("w") as file:
        file.writelines(shown(event, style) + "\n" for event in events(draw, lines, change))


def first_cause(explanation: dict[str, list[dict[str, str]]]) -> str:
    """The first cause as text, such as `client=10.9.9.9`, or the slow field."""
    if explanation["causes"]:
        cause = explanation["causes"][0]
        return f"{cause['field']}={cause['text']}" if cause["field"] else cause["text"]
    return f"slow {explanation['slow'][0]['field']}"


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Print a line for each log, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=200_000, help="of each log")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="show all explanations")
    arguments = parser.parse_args()
    logs = [*INCIDENTS, *(("nothing", style, None, ()) for style in WITHOUT)]
    found = false = 0
    cpu = {"explain": 0.0, "overview": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, style, change, accepted) in enumerate(logs):
            path = Path(folder, "app.log")
            draw = random.Random(f"{arguments.seed} {number}")
            write_log(path, draw, style, arguments.lines, change)
            for kind in cpu:
                before = time.process_time()
                result = analyze(path, read_request({"explain": kind == "explain"}))
                cpu[kind] += time.process_time() - before
                if kind == "explain":
                    explanations = result["overview"]["explanations"]
            firsts = [first_cause(each) for each in explanations]
            is_found = bool(firsts) and any(each in firsts[0] for each in accepted)
            found, false = found + is_found, false + (len(firsts) if change is None else 0)
            _show(f"{'found ' if is_found else '      '} {style:7} {name:26} {firsts}")
            if arguments.show:
                _show(json.dumps(explanations, indent=1))
    _show(f"the cause is first in {found} of {len(INCIDENTS)}; {false} false explanations")
    _show(f"CPU of explain / overview: {cpu['explain'] / cpu['overview']:.2f}")


if __name__ == "__main__":
    main()
