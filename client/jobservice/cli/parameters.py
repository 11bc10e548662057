"""Declares the options and arguments of commands, as defaults of parameters or of fields."""

from typing import Any

import typer


def option(names: str, value: str | None, help: str, default: Any = None, **more: Any) -> Any:
    """Declare an option: its names, the word for its value in the help, and what it does.

    `more` are parameters of `typer.Option`, such as `parser`.
    """
    return typer.Option(default, *names.split(), metavar=value, help=help, **more)


def flag(names: str, help: str) -> Any:
    """Declare an option without a value, which is False unless it is given."""
    return option(names, None, help, False)


def argument(value: str, help: str, default: Any = ..., **more: Any) -> Any:
    """Declare an argument, which is required unless it has a default."""
    return typer.Argument(default, metavar=value, help=help, **more)
