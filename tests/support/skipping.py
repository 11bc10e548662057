"""Skips a test that this machine cannot run.

Also works without pytest, in the image: there, the exception says what could not be done.
"""

from typing import NoReturn

try:
    import pytest
except ImportError:

    class Skipped(Exception):
        """Something cannot be done on this machine. The text says why."""

    def skip(reason: str) -> NoReturn:
        """Raise Skipped."""
        raise Skipped(reason)

else:
    Skipped = pytest.skip.Exception  # type: ignore[assignment,misc]

    def skip(reason: str) -> NoReturn:
        """Skip the test. Raises Skipped."""
        pytest.skip(reason)
