"""The settings whose values are never shown."""

from runner.config import RunnerSettings
from server.settings.server import ServerSettings


def secret_names() -> set[str]:
    """Return the names of all settings that hold secrets, of listener and worker."""
    fields = {**RunnerSettings.model_fields, **ServerSettings.model_fields}
    hidden = {name.upper() for name, field in fields.items() if not field.repr}
    return hidden | {"AWS_ACCESS_KEY_ID"}
