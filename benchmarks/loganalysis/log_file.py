"""Makes the log for the benchmarks: the same bytes for the same size, on any machine."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

_CHUNK_LINES = 20_000
_START = datetime(2024, 3, 1, tzinfo=UTC)
_LEVELS = ["INFO"] * 78 + ["DEBUG"] * 10 + ["WARN"] * 7 + ["ERROR"] * 4 + ["FATAL"]
_SERVICES = ["auth", "billing", "catalog", "gateway", "mailer", "orders", "search", "shipping"]
_ROUTINE = [
    "request completed in {n} ms",
    "connection pool at {n} of 200",
    "user {u} logged in",
    "cache miss for key session:{h}",
    "payment {h} accepted for user {u}",
    "queue depth {n}, oldest message {n} s",
]
_TROUBLE = [
    "timeout after {n} ms waiting for upstream",
    "retrying call to inventory, attempt {n}",
    "permission denied for user {u}",
    "NullPointerException in handler {h}",
    "connection refused by host{n}",
]
_MESSAGES = _ROUTINE * 16 + _TROUBLE  # 5 in 100 are errors
_PATHS = ["/api/v1/orders", "/api/v1/users", "/index.html", "/static/app.js", "/health", "/login"]
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"


def make_log(path: Path, size: int) -> None:
    """Write a log of about `size` bytes in mixed formats, with lines of about 135 bytes."""
    written = 0
    with path.open("wb") as file:
        for chunk in _chunks():
            written += file.write(chunk)
            if written >= size:
                return


def _chunks() -> Iterator[bytes]:
    rng = random.Random(20240301)
    formats: list[Callable[[random.Random, datetime], str]] = [_syslog, _json, _json]
    formats += [*[_plain] * 4, *[_access] * 3]
    now = _START
    while True:
        lines = []
        for _ in range(_CHUNK_LINES):
            now += timedelta(milliseconds=rng.randrange(20))
            lines.append(rng.choice(formats)(rng, now))
        yield "".join(lines).encode()


def _message(rng: random.Random) -> str:
    number, user = rng.randrange(1000), f"user{rng.randrange(5000):04d}"
    return rng.choice(_MESSAGES).format(n=number, u=user, h=f"{rng.getrandbits(32):08x}")


def _plain(rng: random.Random, now: datetime) -> str:
    head = f"{now.isoformat(timespec='milliseconds')} {rng.choice(_LEVELS)} "
    where = f"[worker-{rng.randrange(32)}] com.example.{rng.choice(_SERVICES)}.Handler"
    return f"{head}{where} - {_message(rng)} trace={rng.getrandbits(64):016x}\n"


def _access(rng: random.Random, now: datetime) -> str:
    client = f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(256)}"
    request = f"{rng.choice(('GET', 'GET', 'GET', 'POST'))} {rng.choice(_PATHS)}"
    status = rng.choice((200, 200, 200, 200, 304, 404, 500, 503))
    when = f"{now:%d/%b/%Y:%H:%M:%S} +0000"
    tail = f'{status} {rng.randrange(99999)} "-" "{_AGENT}"'
    return f'{client} - - [{when}] "{request} HTTP/1.1" {tail}\n'


def _syslog(rng: random.Random, now: datetime) -> str:
    host, unit = f"host{rng.randrange(40):02d}", rng.choice(("sshd", "kernel", "cron", "nginx"))
    return f"{now:%b %d %H:%M:%S} {host} {unit}[{rng.randrange(32768)}]: {_message(rng)}\n"


def _json(rng: random.Random, now: datetime) -> str:
    fields = f'"level":"{rng.choice(_LEVELS)}","service":"{rng.choice(_SERVICES)}"'
    head = f'{{"time":"{now.isoformat(timespec="milliseconds")}",{fields}'
    return f'{head},"message":"{_message(rng)}","span":"{rng.getrandbits(64):016x}"}}\n'
