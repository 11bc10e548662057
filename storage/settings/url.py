"""Validates and reads the URLs of databases and uploads. Imports nothing of ours."""

import os.path
import re
from pathlib import Path
from urllib.parse import urlparse

POSTGRESQL_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+pool"})
"""Schemes of PostgreSQL URLs. All mean the same, since connections are always kept open."""
_UNREADABLE = (
    "it cannot be read as an address: the host or port is invalid, or a password contains "
    "/ ? # [ ], which must be written as %2F %3F %23 %5B %5D"
)
_NO_HOST = "a host is missing: write postgresql://HOST:PORT,HOST:PORT/NAME"
_ADDRESS = re.compile(r"[^/.][^/]*:|[^/]*://")
"""The start of a text that is meant as an address, such as s3:/bucket or backup@host:/srv."""


def is_postgresql(url: str) -> bool:
    """Return whether a URL has a PostgreSQL scheme; the rest may be invalid."""
    return url.partition(":")[0].lower() in POSTGRESQL_SCHEMES


def sqlite_path(url: str) -> Path:
    """Return the absolute path of the file that a SQLite URL names."""
    return Path(urlparse(url).path.removeprefix("/")).absolute()


def split_hosts(url: str) -> tuple[str, list[str]]:
    """Return the URL of PostgreSQL without its hosts, and `//HOST:PORT` of each.

    If it names one host, returns the URL unchanged, and no hosts. Raises ValueError.
    """
    # Not by urlparse: from Python 3.13 on, it refuses an IPv6 address beside other hosts.
    scheme, slashes, rest = url.partition("://")
    netloc = re.split(r"[/?#]", rest, maxsplit=1)[0]
    login, at, hosts = netloc.rpartition("@")
    if "," not in hosts:
        return url, []
    alone = f"{scheme}{slashes}{login}{at}{rest.removeprefix(netloc)}"
    return alone, [f"//{each}" for each in hosts.split(",")]


def url_problem(url: str) -> str | None:
    """Return why a database URL is invalid, or None. The text never contains the password."""
    if re.search(r"[\x00-\x1f\x7f]", url):
        return "it contains a line break or another control character"
    try:
        url, others = split_hosts(url) if is_postgresql(url) else (url, [])
        parts = urlparse(url)
        for each in [parts, *map(urlparse, others)]:
            _ = each.port  # urlparse checks the port only on access
    except ValueError:
        return _UNREADABLE
    if is_postgresql(url):
        return None if all(parts.hostname for parts in map(urlparse, others)) else _NO_HOST
    if parts.scheme != "sqlite":
        return "it must start with sqlite:/// or postgresql://"
    if parts.netloc:
        return "use three slashes before a relative path, or four before an absolute one"
    return _file_problem(parts.path, parts.query)


def uploads_url_problem(url: str) -> str | None:
    """Return why the URL of a place for uploaded files is invalid, or None."""
    try:
        parts = urlparse(url)
    except ValueError:
        return "it cannot be read as an address"
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return None
    if parts.scheme == "s3" and parts.netloc and not (parts.query or parts.fragment):
        return None
    return "it must be file:///path or s3://bucket/prefix"


def backup_place_problem(text: str) -> str | None:
    """Return why a text names no place of backups, or None."""
    if not text.strip():
        return "it is empty"
    if text.startswith("file:///") or not _ADDRESS.match(text):
        return None
    if text.startswith("s3://") and not uploads_url_problem(text):
        return None
    return (
        "it must be a folder, a file FILE.tar.zst, or s3://bucket/prefix; write ./NAME for a "
        "folder with a colon in its name"
    )


def _file_problem(path: str, query: str) -> str | None:
    if path in ("", "/", "/:memory:"):
        return "a database in memory would be lost when the program ends"
    if query:
        return f"sqlite takes no options: remove {'?' + query!r}"
    if os.path.isdir(file := path.removeprefix("/")):  # Path.is_dir() can raise PermissionError
        return f"{file} is a folder, not a file"
    return None
