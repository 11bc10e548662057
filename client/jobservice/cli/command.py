"""Turns a function into a command: options that several commands share, errors, exit codes.

A parameter whose type is a dataclass stands for one option per field, so that commands share
groups of options. The parameter `session` stands for the options that all commands have.
"""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, TypeVar

import typer

from jobservice.cli import config, exits, program
from jobservice.cli.output.console import Output
from jobservice.cli.parameters import flag, option
from jobservice.cli.session import Session
from jobservice.errors import ConnectionFailed

Command = Callable[..., int | None]
"""Takes a session and options, and returns its exit code, or None for 0."""
Function = TypeVar("Function", bound=Command)


@dataclass
class CommonOptions:
    """The options of all commands."""

    as_json: bool = flag("--json", "Print JSON: one document, or a line for each item.")
    url: str | None = option("--url", "URL", "Address of the service.")

    def over(self, others: "CommonOptions | None") -> "CommonOptions":
        """Return these options, completed by others where they are not set."""
        if others is None:
            return self
        return CommonOptions(self.as_json or others.as_json, self.url or others.url)


def command(
    app: typer.Typer,
    name: str,
    examples: Sequence[str] = (),
) -> Callable[[Function], Function]:
    """Register a function as a command. Its docstring is the help."""

    def register(function: Function) -> Function:
        shown = "\n".join(f"  {program.name()} {example}" for example in examples)
        epilog = f"\b\nExamples:\n{shown}"
        app.command(name, epilog=epilog if examples else None)(_runner(function))
        return function

    return register


def default_command(app: typer.Typer) -> Callable[[Function], Function]:
    """Register the function that runs if none of the app's commands is named."""

    def register(function: Function) -> Function:
        app.callback(invoke_without_command=True)(_runner(function))
        return function

    return register


def _runner(function: Command) -> Callable[..., None]:
    """A function with one parameter per option, as typer wants it."""
    groups: dict[str, Any] = {"session": CommonOptions}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        if is_dataclass(parameter.annotation):
            groups[parameter.name] = parameter.annotation
            parameters += _options(parameter.annotation)
        elif parameter.name != "session":
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(function)
    def run(typer_context: typer.Context, **values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{each.name: values.pop(each.name) for each in fields(group)})
        root = typer_context.find_root()
        given = values.pop("session").over(root.obj)
        root.obj = given
        if typer_context.invoked_subcommand is None:
            raise typer.Exit(run_command(given, lambda session: function(session, **values)))

    # Named so that commands may have an option --context.
    first = inspect.Parameter(
        "typer_context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
    )
    signature = inspect.Signature([first, *parameters, *_options(CommonOptions)])
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {}
    return run


def _options(group: Any) -> list[inspect.Parameter]:
    """One parameter per field of a dataclass."""
    declared = inspect.signature(group, eval_str=True).parameters.values()
    return [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in declared]


def run_command(options: CommonOptions, body: Callable[[Session], int | None]) -> int:
    """Run a command, report its error, and return its exit code."""
    output = Output(options.as_json)
    try:
        find_address = functools.partial(config.address, options.url, os.environ)
        with Session(find_address, output) as session:
            return body(session) or exits.SUCCEEDED
    except exits.EXPECTED as error:
        output.error(error)
        if isinstance(error, ConnectionFailed):
            output.hint("Name another service with --url or JOBS_URL.")
        return exits.of_error(error)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. Python would report it again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.FAILED
    except (OSError, ValueError) as error:  # a file that cannot be read, a text that is no UTF-8
        output.error(error)
        return exits.FAILED
