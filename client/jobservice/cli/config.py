"""Which service to talk to. The first of these that is set decides:

    --url, JOBS_URL, http://localhost:5000

Every address gets the token in JOBS_TOKEN.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import typer

from jobservice.address import base_url
from jobservice.cli.exits import USAGE, CommandError

DEFAULT_URL = "http://localhost:5000"


@dataclass(frozen=True)
class Address:
    """A service: its URL, and the token for it."""

    url: str
    token: str | None = field(repr=False)


def address(url: str | None, environ: Mapping[str, str]) -> Address:
    """The service that the option --url or the environment names."""
    named = url or environ.get("JOBS_URL")
    if not named:
        _refuse_profiles(environ)
    try:
        base_url(named or DEFAULT_URL)
    except ValueError as error:
        raise CommandError(str(error), USAGE) from None
    return Address(named or DEFAULT_URL, environ.get("JOBS_TOKEN") or None)


def _refuse_profiles(environ: Mapping[str, str]) -> None:
    """Raise CommandError where a profile of an earlier release would name the service.

    Otherwise the command would silently talk to another one.
    """
    file = Path(environ.get("JOBS_CONFIG") or Path(typer.get_app_dir("jobs"), "config.json"))
    if environ.get("JOBS_PROFILE") or file.exists():
        raise CommandError(
            "there are no profiles any more: set JOBS_URL and JOBS_TOKEN, unset JOBS_PROFILE, "
            f"and delete {file}",
            USAGE,
        )
