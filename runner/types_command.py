"""`python -m runner types check`: loads job types as the programs do, and says what does not work.

With --run, it also runs one of them on a sample, see `sample_run.py`. It uses no store.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from runner.config import RunnerSettings
from storage.records.json_values import Json
from storage.settings.stop_signals import StopSignals

if TYPE_CHECKING:
    from runner.job_types.registry.found import JobTypes

_ALWAYS = ("built-in", "package")
"""Origins of job types that are not in a file or folder to check."""


def add_types_command(parser: argparse.ArgumentParser) -> None:
    """Add the command to the parser of the program."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    types = commands.add_parser(
        "types", help="check job types: python -m runner types check --help"
    )
    check = types.add_subparsers(dest="types_command", required=True).add_parser(
        "check",
        help="load job types, and say what does not work",
        description="Loads job types as listener and worker do, and says what does not work. With "
        "--run, runs one on a sample as a worker does, but without a store.",
    )
    check.add_argument(
        "place",
        nargs="?",
        type=_place,
        metavar="FILE|FOLDER",
        help="a Python file, a folder of them, or a JSON file of commands; all of the service if "
        "it is left out",
    )
    check.add_argument("--run", metavar="NAME", help="run a job of this type")
    check.add_argument(
        "--payload", metavar="JSON", type=_payload, default={}, help="its payload; {} if left out"
    )
    check.add_argument("--file", metavar="PATH", type=_file, help="the file that it gets")
    check.add_argument(
        "--output", metavar="FOLDER", type=Path, help="where to put the files that it leaves"
    )


def check_types(
    arguments: argparse.Namespace, settings: RunnerSettings, signals: StopSignals
) -> int:
    """Run the command. Returns the exit code: 1 if something does not work."""
    from runner.job_types.registry import loader

    packages = _packages(arguments.place, settings)
    try:
        found = loader.find(packages)
    except loader.JobTypesError as error:
        sys.exit(str(error))
    if arguments.run is not None:
        return _run(arguments, settings, found, signals)
    loader.drop_missing_programs(found)
    return _report(found, arguments.place)


def _packages(place: Path | None, settings: RunnerSettings) -> list[str]:
    """Return the sources to load: the named packages, and what is to be checked."""
    if place is None:
        return settings.job_type_sources
    kind = "folder:" if place.is_dir() else "commands:" if place.suffix == ".json" else "trial:"
    return [*settings.job_type_packages, f"{kind}{place}"]


def _report(found: "JobTypes", place: Path | None) -> int:
    """Print what works and what does not. Returns the exit code."""
    shown = [
        name for name, origin in found.origins.items() if not (place and origin.kind in _ALWAYS)
    ]
    for name in shown:
        origin = found.origins[name]
        _print("works", f"{name} ({origin.file or origin.place})  {found[name].summary}".rstrip())
    for broken in found.broken:
        _print("broken", f"{broken.place}: {broken.reason}")
        _print("remedy", broken.remedy)
    if not shown and not found.broken:
        _print("broken", f"{place}: there is no job type in it")
        _print("remedy", "write a function with @job, or a class that extends JobType")
        return 1
    return 1 if found.broken else 0


def _run(
    arguments: argparse.Namespace,
    settings: RunnerSettings,
    found: "JobTypes",
    signals: StopSignals,
) -> int:
    """Run a job of one type, and print what it does. Returns the exit code."""
    from runner.sample_run import Sample, run_sample

    name = arguments.run
    if name not in found:
        if broken := found.broken_for(name):
            sys.exit(f"the job type {name} does not work: {broken.text}")
        sys.exit(f"there is no job type {name}: there are {', '.join(sorted(found))}")
    timeout = found[name].defaults.timeout
    sample = Sample(name, arguments.payload, arguments.file, timeout, arguments.output)
    return run_sample(settings, found.packages, sample, signals, _print)


def _print(label: str, text: str) -> None:
    """Print a text after a label; further lines of it are indented."""
    sys.stdout.write(f"{label:<9} " + text.rstrip("\n").replace("\n", f"\n{'':<10}") + "\n")
    sys.stdout.flush()


def _place(text: str) -> Path:
    path = Path(os.path.abspath(text))
    if not path.is_dir() and not (path.is_file() and path.suffix in (".py", ".json")):
        raise argparse.ArgumentTypeError(f"{text} is no folder, no Python file and no JSON file")
    return path


def _file(text: str) -> Path:
    path = Path(os.path.abspath(text))
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def _payload(text: str) -> Json:
    try:
        payload = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"it is no JSON: {error}") from None
    if not isinstance(payload, dict):
        raise argparse.ArgumentTypeError('it must be an object, such as {"width": 300}')
    return payload
