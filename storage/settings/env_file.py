"""Reads variables from a file such as `.env`."""

from pathlib import Path


def read_environ(file: Path) -> dict[str, str]:
    """Return the variables in a file such as `.env`; none if it cannot be read.

    A line is NAME=VALUE, the value also in quotes. Lines that begin with # are comments.
    """
    try:
        lines = [line.strip() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    found = {}
    for line in lines:
        name, separator, value = line.removeprefix("export ").partition("=")
        if not separator or line.startswith("#"):
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name.strip()] = value
    return found
