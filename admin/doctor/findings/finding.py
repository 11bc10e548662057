"""The findings of the checks, and their levels."""

from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["ok", "note", "warning", "error"]
LEVELS: tuple[Level, ...] = ("ok", "note", "warning", "error")
"""From harmless to harmful. A warning is about harm that can come, an error about harm that is done
or certain."""


@dataclass(frozen=True)
class Finding:
    """One finding; `why` and `fix` are empty if all is well.

    check: its name, which `docs/doctor.md` explains.
    what: what was found, with the value, the file or the setting.
    why: why it matters.
    fix: what mends it, a command if there is one.
    """

    check: str
    level: Level
    what: str
    why: str = ""
    fix: str = ""

    def document(self) -> dict[str, str]:
        """Return the finding as a JSON object."""
        return asdict(self)


def ok(check: str, what: str) -> Finding:
    """Return the finding that all is well."""
    return Finding(check, "ok", what)


def worst(findings: list[Finding]) -> Level:
    """Return the worst level of findings."""
    return max((each.level for each in findings), key=LEVELS.index, default="ok")
