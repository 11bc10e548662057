"""Finds the names that the text of a file gives to job types, even if the file cannot be loaded."""

import re
from pathlib import Path

MAX_CHARACTERS = 2**20
"""How much of a file is read."""
_PYTHON = re.compile(
    r"""
      @(?:\w+\.)*job\(\s*(?:name\s*=\s*)?(["'])(?P<option>[^"'\n]{1,100})\1   # @job("resize")
    | @(?:\w+\.)*job\b[^@]{0,1000}?\bdef\s+(?P<function>\w+)                  # @job def resize(
    | ^[ \t]+name\s*(?::[^=\n]{1,100})?=\s*(["'])(?P<attribute>[^"'\n]{1,100})\4   # name = "resize"
    """,
    re.VERBOSE | re.MULTILINE,
)
_COMMANDS = re.compile(r'"(?P<command>[A-Za-z][A-Za-z0-9_.-]{0,99})"\s*:\s*\{')
"""Names of parameters look alike, which does no harm: no other job type has them."""


def mentioned_types(path: str) -> frozenset[str]:
    """Return the names of the job types that a Python file or a file of commands seems to define.

    Empty if the file cannot be read.
    """
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            text = file.read(MAX_CHARACTERS)
    except OSError:
        return frozenset()
    pattern = _COMMANDS if path.endswith(".json") else _PYTHON
    return frozenset(match[match.lastgroup or 0] for match in pattern.finditer(text))
