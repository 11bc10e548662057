"""Selects members of an archive by globs on their names."""

import re
from collections.abc import Sequence
from fnmatch import translate


class Selection:
    """Selects the members whose name matches one of the globs; without globs, all members.

    A glob without `/` is matched with the last part of a name, so `*.log` selects `var/app.log`.
    Any other glob is matched with the whole name, and its `*` matches `/` as well.
    """

    def __init__(self, globs: Sequence[str] | None) -> None:
        self.globs = list(globs or ())
        self._last = _regex([glob for glob in self.globs if "/" not in glob])
        self._whole = _regex([glob for glob in self.globs if "/" in glob])

    def selects(self, name: str) -> bool:
        """Whether a member with this name is selected."""
        if not self.globs:
            return True
        last = name.rsplit("/", 1)[-1]
        whole = name.removeprefix("./")
        return bool(
            (self._last and self._last.match(last)) or (self._whole and self._whole.match(whole))
        )


def _regex(globs: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, globs))) if globs else None
