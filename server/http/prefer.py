"""The header Prefer (RFC 7240). Imports nothing of ours."""

import re

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"?')
_SECONDS = re.compile("[0-9]+")


def preferred_wait(header: str, most: int) -> int | None:
    """Return the seconds of `wait=30` in a Prefer header, or `most` if they are more.

    None if there are none, or if they cannot be honoured: a preference is never an error.
    """
    # A comma in a quoted text separates nothing.
    plain = _QUOTED.sub(lambda text: text[1] if _SECONDS.fullmatch(text[1]) else "", header)
    for preference in plain.split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":  # only the first one counts
            return _seconds(value.strip(), most)
    return None


def _seconds(text: str, most: int) -> int | None:
    if not _SECONDS.fullmatch(text):
        return None
    return most if len(text) > 9 else min(int(text), most)
