"""docs/settings.md, made from the settings classes.

python -m tests.support.settings_page        writes the page
"""

from collections.abc import Iterable
from typing import Any

from pydantic.fields import FieldInfo

from runner.config import RunnerSettings
from server.settings.server import ServerSettings
from storage.settings.settings import Settings
from storage.settings.traces import TraceSettings
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "settings.md"
_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}

HEAD = """\
# Settings

<!-- Made by `make docs` from the settings classes. Edit the descriptions there, not here. -->

Every setting is an environment variable. An empty variable counts as not set. A variable with an unknown name is
ignored. `python -m server --help` and `python -m runner --help` print this list. A program with invalid settings
reports all of them at once and does not start; what is wrong in the file of `SCHEDULES_FILE` is reported after that.
`make run` and `docker compose` also read settings from a file `.env`.
`make run` and a container with both programs (`python -m server --with-worker`) have `DRAIN_SECONDS=5`, if it is not
set.

A size is a number of bytes, or has a unit of k, m, g or t in powers of 1024, such as `128m`.

Secrets can also be files, as Docker mounts them: {files}.
"""

DOCKER = """\
## Docker

`docker-compose.yml` passes the settings above to the containers, and `deploy/stack.yml` passes some of them; add others
there. Both files read a few variables of their own:

| variable | default | meaning |
|---|---|---|
| `LISTENERS`, `WORKERS` | 2, 1 | number of containers of each; in `deploy/stack.yml` 2 and 2 |
| `PORTS` | `5000-5001` | ports of the host for the listeners, one each |
| `STOP_GRACE_PERIOD` | `30s` | time after which Docker kills a worker that is stopping; keep it above `DRAIN_SECONDS` |
| `LISTENER_MEMORY`, `WORKER_MEMORY` | no limit | memory limit of each container, such as `2g` |
| `LOG_MAX_SIZE`, `LOG_MAX_FILE` | `20m`, 5 | size and number of the log files of each container |
| `PLACEMENT` | `node.role == manager` | constraint that names the one Swarm node that has the volume |

The files in `deploy/compose` [read more](deploy.md).

The database file and the uploads are in the volume `jobs-data`. SQLite and its uploads need a local disk, not a network
file system; [decisions/storage.md](decisions/storage.md) explains why.
"""


def page() -> str:
    """The whole page as Markdown."""
    of_store, of_traces = Settings.model_fields, TraceSettings.model_fields
    traces = {name: field for name, field in of_traces.items() if name not in of_store}
    secrets = [*ServerSettings.secrets(), *RunnerSettings.secrets()]
    files = ", ".join(f"`{name}_FILE`" for name in dict.fromkeys(secrets))
    sections = [
        HEAD.format(files=files),
        _section("Listener and worker", of_store.items()),
        _section("Traces", traces.items()),
        _section("Listener", _own(ServerSettings)),
        _section("Worker", _own(RunnerSettings)),
        DOCKER,
    ]
    return "\n".join(sections)


def _own(settings: type[Settings]) -> list[tuple[str, FieldInfo]]:
    """The fields that only one program has."""
    shared = TraceSettings.model_fields
    return [(name, field) for name, field in settings.model_fields.items() if name not in shared]


def _section(title: str, fields: Iterable[tuple[str, FieldInfo]]) -> str:
    rows = [_row(name.upper(), field) for name, field in fields]
    return "\n".join(
        [f"## {title}", "", "| variable | default | meaning |", "|---|---|---|", *rows, ""]
    )


def _row(name: str, field: FieldInfo) -> str:
    default = "" if field.default in ("", None) else f"`{_plain(field.default)}`"
    allowed = " and ".join(_bounds(field.metadata))
    meaning = (field.description or "").replace("|", "\\|")
    return f"| `{name}` | {default} | {meaning}{f' (allowed: {allowed})' if allowed else ''} |"


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bounds(metadata: Iterable[Any]) -> list[str]:
    found = ((key, getattr(each, key, None)) for each in metadata for key in _BOUNDS)
    return [
        f"{_BOUNDS[key]} {value:g}" if value < 1e6 else f"{_BOUNDS[key]} {value}"
        for key, value in found
        if value is not None
    ]


if __name__ == "__main__":
    PAGE.write_text(page())
