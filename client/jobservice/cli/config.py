"""Which service to talk to: options, environment variables, and profiles in a file.

The first of these that is set decides:

    --url, --profile, JOBS_URL, JOBS_PROFILE, the default profile, http://localhost:5000

A profile may have a token. All other addresses get the token in JOBS_TOKEN.
"""

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jobservice.address import base_url
from jobservice.cli import program
from jobservice.cli.exits import USAGE, CommandError
from jobservice.json_values import Json

DEFAULT_URL = "http://localhost:5000"


@dataclass(frozen=True)
class Address:
    """A service: its URL, the token for it, and where both come from."""

    url: str
    token: str | None = field(repr=False)
    origin: str


@dataclass
class Profile:
    """A named service."""

    url: str
    token: str | None = field(default=None, repr=False)


@dataclass
class Profiles:
    """All profiles, and the name of the one that is used if nothing else is named."""

    by_name: dict[str, Profile] = field(default_factory=dict)
    default: str | None = None

    def get(self, name: str) -> Profile:
        """The profile of this name. An unknown name is a usage error that lists the known ones."""
        if name in self.by_name:
            return self.by_name[name]
        how = f"create one with `{program.name()} config set`"
        known = ", ".join(sorted(self.by_name)) or f"none yet; {how}"
        raise CommandError(f"there is no profile {name!r}; known profiles: {known}", USAGE)


def path() -> Path:
    """The file with the profiles. JOBS_CONFIG replaces it."""
    if named := os.environ.get("JOBS_CONFIG"):
        return Path(named).expanduser()
    import typer

    return Path(typer.get_app_dir("jobs")) / "config.json"


def load(file: Path) -> Profiles:
    """Read the profiles. Refuses a file with tokens that other users can read."""
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        return Profiles()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}", USAGE) from error
    try:
        document = json.loads(text)
        profiles = {name: Profile(**values) for name, values in document["profiles"].items()}
        found = Profiles(profiles, document.get("default"))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CommandError(f"{file} is not a file of profiles: {error}", USAGE) from error
    if others_can_read(file) and any(profile.token for profile in profiles.values()):
        raise CommandError(
            f"{file} contains a token, and other users can read it: run `chmod 600 '{file}'`, "
            "and replace the token if they may have seen it",
            USAGE,
        )
    return found


def check_url(url: str) -> None:
    """Refuse what is no address of a service."""
    try:
        base_url(url)
    except ValueError as error:
        raise CommandError(str(error), USAGE) from None


def others_can_read(file: Path) -> bool:
    """Whether other users can read or change a file. False on Windows, where modes do not say."""
    return os.name == "posix" and bool(stat.S_IMODE(file.stat().st_mode) & 0o077)


def save(file: Path, profiles: Profiles) -> None:
    """Replace the file by one that only its owner can read, in one step."""
    document: Json = {
        "default": profiles.default,
        "profiles": {
            name: {"url": profile.url} | ({"token": profile.token} if profile.token else {})
            for name, profile in sorted(profiles.by_name.items())
        },
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # mkstemp creates files with mode 0600.
        descriptor, new = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(json.dumps(document, indent=2) + "\n")
            os.replace(new, file)
        except BaseException:
            os.unlink(new)
            raise
    except OSError as error:
        raise CommandError(f"{file} cannot be written: {error.strerror}") from error


def address(url: str | None, profile: str | None, environ: Mapping[str, str]) -> Address:
    """The service that options and environment name. Reads the file only if they name none."""
    token = environ.get("JOBS_TOKEN") or None
    if url and profile:
        raise CommandError("use either --url or --profile, not both", USAGE)
    if url:
        check_url(url)
        return Address(url, token, "--url")
    if not profile and (from_environ := environ.get("JOBS_URL")):
        check_url(from_environ)
        return Address(from_environ, token, "JOBS_URL")
    file = path()
    if environ.get("JOBS_CONFIG") and not file.exists():
        how = f"`{program.name()} config set` creates it"
        raise CommandError(f"there is no file {file}, which JOBS_CONFIG names; {how}", USAGE)
    profiles = load(file)
    name = profile or environ.get("JOBS_PROFILE") or profiles.default
    if not name:
        return Address(DEFAULT_URL, token, "default")
    found = profiles.get(name)
    return Address(found.url, found.token or token, f"profile {name}")
