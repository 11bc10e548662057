"""The function that the fork server calls to load job types.

It imports the loader lazily. The worker imports this module to name the function, and must not
import the job types themselves, nor Pydantic, which they need.
"""

from collections.abc import Callable


def load(packages: tuple[str, ...]) -> Callable[[str, Callable[[str], None]], str]:
    """Load all job types of these sources; returns `runner.job_types.registry.entry.JobEntry`."""
    from runner.job_types.registry import loader

    return loader.load(packages)
