"""Reads the settings of a program, or reports in the format of its log why it cannot start."""

import os
from typing import NoReturn, TypeVar

from storage.settings.settings import Settings, SettingsError
from storage.telemetry.logs import exit_with, set_up_logs

T = TypeVar("T", bound=Settings)


def read_or_exit(cls: type[T]) -> T:
    """Read the settings of a program. Exits with code 1 and reports every problem on stderr."""
    try:
        return cls.read()
    except SettingsError as error:
        exit_before_settings(cls.program, f"cannot start, the settings are invalid:\n{error}")


def exit_before_settings(program: str, reason: str) -> NoReturn:
    """Exit with code 1 and a reason on stderr, if there are no settings to set up a log."""
    set_up_logs("INFO", os.environ.get("LOG_FORMAT", "").strip(), program)
    exit_with(reason)
