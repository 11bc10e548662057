"""The contract of the last release: what may not go away before the next major release.

python -m tests.support.contract        writes it from these sources, as a part of each release

`tests/contract.json` holds the OpenAPI document without texts, and the names of all settings, of
commands and options, and of what `import jobservice` offers. `docs/stability.md` has the rules.
"""

import json
from functools import cache
from typing import Any

import typer

import jobservice
from jobservice.cli.main import app
from runner.config import RunnerSettings
from server.settings.server import ServerSettings
from storage.records.release import RELEASE
from tests.support.openapi_changes import breaking_changes
from tests.support.openapi_conformance import described_api
from tests.support.paths import ROOT

FILE = ROOT / "tests" / "contract.json"
TEXTS = ("description", "summary", "title", "example", "examples", "tags", "info", "servers")

Contract = dict[str, Any]


def contract() -> Contract:
    """The contract of these sources."""
    return {
        "release": RELEASE,
        "settings": sorted({*ServerSettings.model_fields, *RunnerSettings.model_fields}),
        "commands": sorted(_commands(typer.main.get_command(app), "jobservice")),
        "client": sorted(jobservice.__all__),
        "openapi": _without_texts(json.loads(json.dumps(described_api()))),
    }


def broken(old: Contract, new: Contract) -> list[str]:
    """The parts that the new contract lacks, one line for each."""
    names = ("settings", "commands", "client")
    gone = [
        f"{name}: {each} is gone" for name in names for each in old[name] if each not in new[name]
    ]
    return gone + breaking_changes(old["openapi"], new["openapi"])


@cache
def stored() -> Contract:
    """The contract of the last release."""
    found: Contract = json.loads(FILE.read_text())
    return found


def _commands(command: Any, name: str) -> list[str]:
    """A command with its options, and those below it."""
    options = [f"{name} {each}" for part in command.params for each in part.opts if each[0] == "-"]
    below = [
        line
        for child, each in getattr(command, "commands", {}).items()
        for line in _commands(each, f"{name} {child}")
    ]
    return [name, *options, *below]


def _without_texts(value: Any, *, names: bool = False) -> Any:
    """`names`: the keys of this object are names of fields, and stay."""
    if isinstance(value, dict):
        return {
            key: _without_texts(each, names=key in ("properties", "schemas"))
            for key, each in value.items()
            if names or key not in TEXTS
        }
    return [_without_texts(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    FILE.write_text(json.dumps(contract(), separators=(",", ":"), sort_keys=True) + "\n")
