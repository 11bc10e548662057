"""The folders of this machine that hold the data of a store."""

from pathlib import Path

from storage.settings.settings import Settings
from storage.settings.url import is_postgresql, sqlite_path


def sqlite_file(settings: Settings) -> Path:
    """Return the path of the SQLite file of the settings."""
    return sqlite_path(settings.store_url)


def data_folders(settings: Settings) -> dict[str, Path]:
    """Return the folders that hold data, by the settings that name them."""
    found = {"DATA_DIR": settings.data_dir.absolute()}
    if not is_postgresql(settings.store_url):
        folder = sqlite_file(settings).parent
        if folder != found["DATA_DIR"]:
            found["DATABASE_URL"] = folder
    uploads = settings.uploads_folder
    if uploads and not uploads.absolute().is_relative_to(found["DATA_DIR"]):
        found["UPLOADS_URL"] = uploads.absolute()
    return found
