"""The names of the settings of listener and worker, and which of them hold secrets."""

from runner.config import RunnerSettings
from server.settings.server import ServerSettings

_FIELDS = {**RunnerSettings.model_fields, **ServerSettings.model_fields}


def setting_names() -> set[str]:
    """Return the names of all settings, with the names of the settings that name their files."""
    return {name.upper() for name in _FIELDS} | secret_files()


def secret_names() -> set[str]:
    """Return the names of all settings whose values are never shown."""
    hidden = {name.upper() for name, field in _FIELDS.items() if not field.repr}
    return hidden | {"AWS_ACCESS_KEY_ID"}


def secret_files() -> set[str]:
    """Return the names of the settings that name a file with a secret, such as NAME_FILE."""
    return {f"{name}_FILE" for cls in (RunnerSettings, ServerSettings) for name in cls.secrets()}
