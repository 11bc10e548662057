"""Who asks, and what they may do. Imports nothing of ours."""

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What a caller may do; each role may do all that those before it may."""

    READ = 1
    """Look at everything."""
    SUBMIT = 2
    """Submit jobs, and change its own."""
    ADMIN = 3
    """Change all jobs."""

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True)
class Caller:
    """Who asks; without a name, one who has shown no token."""

    name: str | None
    role: Role

    def may_change(self, submitted_by: str | None) -> bool:
        """Whether it may cancel, retry and delete a job that was submitted by this caller."""
        own = self.name is not None and self.name == submitted_by
        return self.role >= (Role.SUBMIT if own else Role.ADMIN)


ANYONE = Caller(None, Role.ADMIN)
"""Who asks where no tokens are set."""
NOBODY = Caller(None, Role.READ)
"""Who asks for what needs no token."""
