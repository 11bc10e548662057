"""Settings: invalid ones, mistyped ones, and combinations that surprise."""

from collections.abc import Iterator
from difflib import get_close_matches

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.setting_names import setting_names
from admin.doctor.findings.subject import Subject

NAME = "settings"
_SEES_MORE = 0.85
"""How alike two names must be, from 0 to 1, to take one for a mistyped other."""
_OF_OTHERS = ("OTEL_", "AWS_", "PG")
_KNOWN_ELSEWHERE = frozenset(
    {"PORTS", "IMAGE", "BASE", "TRACING", "PLACEMENT", "RELOAD", "HOSTNAME"}
)
"""Variables that Docker, the compose file or the Makefile read."""


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each invalid or mistyped setting."""
    for line, programs in subject.problems.items():
        name = line.partition("=")[0].partition(":")[0]
        yield Finding(
            NAME,
            "error",
            line,
            f"the {programs} cannot start with it",
            f"set {name} to a value that docs/settings.md allows, or unset it",
        )
    mistyped = dict(_mistyped(subject))
    for name, meant in mistyped.items():
        yield Finding(
            NAME,
            "warning",
            f"{name} is no setting; perhaps {meant} is meant",
            "it has no effect, and the default is in force",
            f"rename it to {meant}, or unset it",
        )
    if not subject.problems and not mistyped:
        yield ok(NAME, "all settings of listener and worker are valid")


def check_access(subject: Subject) -> Iterator[Finding]:
    """Yield findings about who may use the service."""
    listener = subject.listener
    has_tokens = bool(listener.api_tokens or listener.api_tokens_file)
    if not has_tokens and listener.listen_host is None:
        yield Finding(
            NAME,
            "warning",
            f"HOST={listener.host} without API_TOKENS",
            "whoever reaches the address may submit, read, cancel and delete all jobs",
            "python -m server token create NAME --role admin, see docs/security.md#tokens; or let "
            "only trusted machines reach the port",
        )
    if has_tokens and subject.postgresql and not listener.cookie_secret:
        yield Finding(
            NAME,
            "note",
            "COOKIE_SECRET is not set, so each DATA_DIR has a key of its own",
            "a sign-in counts only for the listeners that share this DATA_DIR",
            "with listeners on several machines, set COOKIE_SECRET to one value: "
            "openssl rand -hex 32",
        )
    if listener.min_free_bytes == 0:
        yield Finding(
            NAME,
            "warning",
            "MIN_FREE_BYTES=0",
            "clients can fill the disk, and then running jobs cannot be recorded",
            "unset MIN_FREE_BYTES",
        )


def _mistyped(subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield variables that resemble the name of a setting, each with that name."""
    known = setting_names()
    for name in sorted(set(subject.environ) - known - _KNOWN_ELSEWHERE):
        is_ours = not name.startswith(_OF_OTHERS) and subject.environ[name].strip()
        if is_ours and (close := get_close_matches(name, known, 1, _SEES_MORE)):
            yield name, close[0]
