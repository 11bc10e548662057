"""What the address of a database may be."""

import os.path
from urllib.parse import urlparse

from storage.settings.drivers import POSTGRESQL_SCHEMES

_UNREADABLE = (
    "it cannot be read as an address: host or port are wrong, or a password has / ? # [ ] in it, "
    "which are written as %2F %3F %23 %5B %5D"
)


def is_postgresql(url: str) -> bool:
    """Whether it is the address of a PostgreSQL, right or wrong."""
    return url.partition(":")[0].lower() in POSTGRESQL_SCHEMES


def url_problem(url: str) -> str | None:
    """What is wrong with the address of a database, if anything; nothing of a password is told."""
    try:
        parts = urlparse(url)
        _ = parts.port  # it is read only when it is asked for
    except ValueError:
        return _UNREADABLE
    if is_postgresql(url):
        return None
    if parts.scheme != "sqlite":
        return "it must start with sqlite:/// or postgresql://"
    if parts.netloc:
        return "a file comes behind three slashes, or four if its path starts with one"
    return _file_problem(parts.path, parts.query)


def _file_problem(path: str, query: str) -> str | None:
    if path in ("", "/", "/:memory:"):
        return "a database in memory would be lost with its program"
    if query:
        return f"sqlite takes no options, so leave out {'?' + query!r}"
    if os.path.isdir(file := path.removeprefix("/")):  # that of Path fails where it may not look
        return f"{file} is a folder and no file"
    return None
