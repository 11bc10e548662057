"""Opens the bucket of UPLOADS_URL: its address, credentials and timeouts.

Only this module and bucket.py import obstore, which starts threads of its own. The credentials come
from the first of: the settings, the file AWS_SHARED_CREDENTIALS_FILE, and obstore's own lookup (a
role by web identity, of a container, or of a machine).
"""

import os
from configparser import ConfigParser, Error
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from obstore.store import S3Store

from storage.records.job import StoreUnusable

if TYPE_CHECKING:
    from storage.settings.settings import Settings

_PROFILE = "default"
_FILE_KEYS = {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
}


def open_bucket(settings: "Settings", request_seconds: float, retry_seconds: float) -> S3Store:
    """Return the bucket of UPLOADS_URL; object names are relative to its prefix.

    A request is given up after `request_seconds`. A failed request is retried for `retry_seconds`.
    Raises StoreUnusable if the credentials file cannot be read.
    """
    url = urlparse(settings.uploads_url)
    _forget_empty_variables()
    return S3Store(
        url.netloc,
        prefix=url.path.strip("/") or None,
        config=_config(settings),
        client_options={
            "allow_http": settings.aws_endpoint_url.startswith("http://"),
            "timeout": timedelta(seconds=request_seconds),
            "connect_timeout": timedelta(seconds=3),
        },
        retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=retry_seconds)},
    )


def _config(settings: "Settings") -> Any:
    """Options for obstore, which reads further AWS_* variables from the environment itself."""
    given = {
        "endpoint": settings.aws_endpoint_url,
        "region": settings.aws_region,
        "access_key_id": settings.aws_access_key_id,
        "secret_access_key": settings.aws_secret_access_key,
    }
    if settings.aws_shared_credentials_file and not settings.aws_access_key_id:
        given |= _credentials(settings.aws_shared_credentials_file)
    return {name: value for name, value in given.items() if value}


def _credentials(file: Path) -> dict[str, str]:
    """Read the profile `default` of an AWS credentials file."""
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text())
        found = {ours: parser.get(_PROFILE, name, fallback="") for name, ours in _FILE_KEYS.items()}
    except (OSError, UnicodeDecodeError, Error) as error:
        reason = getattr(error, "strerror", None) or "it is not a credentials file"
        raise StoreUnusable(f"AWS_SHARED_CREDENTIALS_FILE={file}: {reason}") from None
    if not (found["access_key_id"] and found["secret_access_key"]):
        lacks = f"aws_access_key_id or aws_secret_access_key is missing in [{_PROFILE}]"
        raise StoreUnusable(f"AWS_SHARED_CREDENTIALS_FILE={file}: {lacks}")
    return found


def _forget_empty_variables() -> None:
    """Remove empty AWS_* variables, which obstore would take for values. A compose file sets them
    empty where a setting is not given."""
    for name, value in list(os.environ.items()):
        if name.startswith("AWS_") and not value.strip():
            del os.environ[name]
