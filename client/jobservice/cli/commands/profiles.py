"""`jobservice config`: the profiles, which name services and keep their tokens."""

import sys
from typing import Annotated

import typer

from jobservice.cli import config, exits
from jobservice.cli.command import JsonOption, command, default_command
from jobservice.cli.session import Session

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the profile.")]

app = typer.Typer(rich_markup_mode=None)


def list_profiles(session: Session) -> None:
    """List profiles; the subcommands change them. Tokens are never shown."""
    file = config.path()
    found = config.load(file)
    address, output = session.address, session.output
    if output.as_json:
        named = {
            name: {"url": profile.url, "has_token": bool(profile.token)}
            for name, profile in found.by_name.items()
        }
        current = {"url": address.url, "origin": address.origin, "has_token": bool(address.token)}
        document = {"file": str(file), "default": found.default, "profiles": named}
        output.document({**document, "current": current})
        return
    if found.by_name:
        rows = [
            [
                "*" if name == found.default else "",
                name,
                profile.url,
                "yes" if profile.token else "no",
            ]
            for name, profile in found.by_name.items()
        ]
        output.table(["", "PROFILE", "URL", "TOKEN"], rows)
    output.line(f"{'file':<8} {file}{'' if file.exists() else ' (does not exist)'}")
    output.line(f"{'current':<8} {address.url} ({address.origin})")


def set_profile(
    session: Session,
    name: Name,
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="Address of the service."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="-", help="Read the token from standard input."),
    ] = None,
    without_token: Annotated[bool, typer.Option("--no-token", help="Remove the token.")] = False,
) -> None:
    """Create a profile, or change it. The first one becomes the default.

    A token is read from standard input, and never from the command line, which other users of the
    machine can see.
    """
    if token not in (None, "-"):
        raise typer.BadParameter(
            "other users can see a command line: use `--token -`, which reads standard input"
        )
    file = config.path()
    found = config.load(file)
    known = found.by_name.get(name)
    url = url or (known.url if known else None)
    if url is None:
        raise typer.BadParameter("a new profile needs --url")
    if "://" not in url:
        raise exits.CommandError(f"{url!r} does not begin with http:// or https://", exits.USAGE)
    config.check_url(url)
    kept = None if without_token or known is None or url != known.url else known.token
    found.by_name[name] = config.Profile(url, _read_token() if token else kept)
    found.default = found.default or name
    config.save(file, found)
    session.output.hint(f"Profile {name} is in {file}.")


def use(session: Session, name: Name) -> None:
    """Make a profile the default."""
    file = config.path()
    found = config.load(file)
    found.get(name)
    found.default = name
    config.save(file, found)


def remove(session: Session, name: Name) -> None:
    """Remove a profile with its token."""
    file = config.path()
    found = config.load(file)
    found.get(name)
    del found.by_name[name]
    found.default = None if found.default == name else found.default
    config.save(file, found)


def _read_token() -> str:
    """A token from standard input; on a terminal, nothing is shown while it is typed."""
    if sys.stdin.isatty():
        from getpass import getpass

        text = getpass("Token: ")
    else:
        text = sys.stdin.readline()
    if not text.strip():
        raise exits.CommandError("standard input has no token", exits.USAGE)
    return text.strip()


_SET = "config set prod --url https://example.org --token - < token"

default_command(app, common=JsonOption)(list_profiles)
command(app, "set", (_SET,), common=JsonOption)(set_profile)
command(app, "use", ("config use prod",), common=JsonOption)(use)
command(app, "remove", ("config remove prod",), common=JsonOption)(remove)
