"""What the fork server loads: the worker itself has no use for job types and what they import."""

from collections.abc import Callable


def load(
    packages: tuple[str, ...], max_data_bytes: int | None, max_data_ratio: int
) -> Callable[[str, Callable[[str], None]], str]:
    """The same as `job_types.load`."""
    from runner.job_types import loader as job_types

    return job_types.load(packages, max_data_bytes, max_data_ratio)
