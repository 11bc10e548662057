"""Variable parts of messages: a name in braces is replaced by a random value."""

import re
from collections.abc import Callable
from random import Random

USERS = [
    "root",
    "alice",
    "bob",
    "carol",
    "dave",
    "admin",
    "guest",
    "oracle",
    "deploy",
    "nagios",
    "test",
    "www-data",
    "jenkins",
]
_HOSTS = [
    "web1",
    "db02",
    "cache-3",
    "node-17.example.com",
    "mail.example.org",
    "gw",
    "storage07",
    "ip-10-0-3-7",
]
_FILES = [
    "app.conf",
    "data.db",
    "index.html",
    "report-2026.pdf",
    "main.py",
    "libssl.so.3",
    "core.1234",
    ".bashrc",
]
_FOLDERS = [
    "var",
    "srv",
    "home",
    "opt",
    "data",
    "tmp",
    "usr",
    "lib",
    "cache",
    "releases",
]
_SERVICES = [
    "billing",
    "checkout",
    "search",
    "auth",
    "inventory",
    "mailer",
    "catalog",
    "gateway",
]
_STATES = [
    "PENDING",
    "RUNNING",
    "STOPPED",
    "FAILED",
    "READY",
    "CLOSED",
    "DRAINING",
    "UNKNOWN",
]
_CLASSES = [
    "OrderService",
    "UserRepository",
    "HttpClient",
    "CacheManager",
    "JobRunner",
]
_TABLES = [
    "orders",
    "users",
    "sessions",
    "line_items",
    "audit_log",
    "invoices",
]
_WORDS = [
    "Print Spooler",
    "Windows Update",
    "Background Intelligent Transfer",
    "Web",
    "Remote Desktop",
    "Time",
    "Nightly Archive",
    "Old",
    "connection reset by peer",
    "Secure Element Keeper",
]
"""Values of one word or several."""
_PACKAGES = [
    "libssl3",
    "curl",
    "python3-minimal",
    "requests",
    "vim-common",
    "openssh-server",
    "nginx",
    "zlib1g",
]
_UNITS = ["bytes", "KB", "MB", "GB"]


def _hex(size: int) -> Callable[[Random], str]:
    return lambda rng: f"{rng.getrandbits(4 * size):0{size}x}"


def _uuid(rng: Random) -> str:
    return "-".join(_hex(size)(rng) for size in (8, 4, 4, 4, 12))


def _ip(rng: Random) -> str:
    return ".".join(str(rng.randrange(1, 255)) for _ in range(4))


def _path(rng: Random) -> str:
    folders = rng.sample(_FOLDERS, rng.randrange(1, 4))
    return "/" + "/".join([*folders, rng.choice(_FILES)])


def _one_of(values: list[str]) -> Callable[[Random], str]:
    return lambda rng: rng.choice(values)


def _number(most: int) -> Callable[[Random], str]:
    return lambda rng: str(rng.randrange(most))


def _size(rng: Random) -> str:
    """Such as "17 bytes" or "3.20 KB"."""
    unit = rng.choice(_UNITS)
    number = str(rng.randrange(1, 1024)) if unit == "bytes" else f"{rng.random() * 1000:.2f}"
    return f"{number} {unit}"


def _duration(rng: Random) -> str:
    """Such as "<1 sec", "12:07" or "01:12:07"."""
    parts = [f"{rng.randrange(60):02}" for _ in range(rng.randrange(1, 4))]
    return ":".join(parts) if len(parts) > 1 else "<1 sec"


def _list(rng: Random) -> str:
    return ", ".join(_hex(8)(rng) for _ in range(rng.randrange(1, 6)))


VALUES: dict[str, Callable[[Random], str]] = {
    "user": _one_of(USERS),
    "host": _one_of(_HOSTS),
    "file": _one_of(_FILES),
    "service": _one_of(_SERVICES),
    "state": _one_of(_STATES),
    "class": _one_of(_CLASSES),
    "table": _one_of(_TABLES),
    "words": _one_of(_WORDS),
    "package": _one_of(_PACKAGES),
    "port_name": _one_of(["HDMI-1", "DP-1", "eDP-1", "VGA-1"]),
    "version": lambda rng: f"{rng.randrange(9)}.{rng.randrange(30)}.{rng.randrange(9)}-1",
    "size": _size,
    "duration": _duration,
    "list": _list,
    "bool": _one_of(["true", "false"]),
    "path": _path,
    "ip": _ip,
    "mac": lambda rng: ":".join(_hex(2)(rng) for _ in range(6)),
    "uuid": _uuid,
    "hex": _hex(8),
    "id": _hex(16),
    "n": _number(1000),
    "big": _number(10_000_000),
    "port": lambda rng: str(rng.randrange(1024, 65536)),
    "pid": lambda rng: str(rng.randrange(100, 40_000)),
    "ms": lambda rng: f"{rng.random() * 2000:.3f}",
    "url": lambda rng: f"https://{rng.choice(_HOSTS)}{_path(rng)}",
    "email": lambda rng: f"{rng.choice(USERS)}@{rng.choice(['example.com', 'mail.test'])}",
}
_NAME = re.compile(r"\{([a-z_]+)\}")


def fill(template: str, rng: Random) -> str:
    """The template with a random value for each name in braces."""
    return _NAME.sub(lambda found: VALUES[found[1]](rng), template)
