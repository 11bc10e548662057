"""How a bucket is reached: its address, its credentials, with how much patience. Only this and
upload_bucket.py load obstore, which has threads of its own.

Credentials are those of the settings, else of the file AWS_SHARED_CREDENTIALS_FILE, else what
obstore finds by itself: a role by web identity, of a container or of a machine.
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
    """The bucket of UPLOADS_URL; its prefix stands before all names.

    A request may take so long, and one that fails is tried again until so many seconds are over.
    Raises StoreUnusable for credentials that cannot be read.
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
    """What obstore is told; of the rest, it reads AWS_* by itself."""
    given = {
        "endpoint": settings.aws_endpoint_url,
        "region": settings.aws_region,
        "access_key_id": settings.aws_access_key_id,
        "secret_access_key": settings.aws_secret_access_key,
        "session_token": settings.aws_session_token,
    }
    if settings.aws_shared_credentials_file and not settings.aws_access_key_id:
        given |= _credentials(settings.aws_shared_credentials_file)
    return {name: value for name, value in given.items() if value}


def _credentials(file: Path) -> dict[str, str]:
    """Those in a file as other programs for AWS have it."""
    parser = ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text())
        found = {ours: parser.get(_PROFILE, name, fallback="") for name, ours in _FILE_KEYS.items()}
    except (OSError, UnicodeDecodeError, Error) as error:
        reason = getattr(error, "strerror", None) or "it is no file of credentials"
        raise StoreUnusable(f"AWS_SHARED_CREDENTIALS_FILE={file}: {reason}") from None
    if not (found["access_key_id"] and found["secret_access_key"]):
        lacks = f"there are no aws_access_key_id and aws_secret_access_key in [{_PROFILE}]"
        raise StoreUnusable(f"AWS_SHARED_CREDENTIALS_FILE={file}: {lacks}")
    return found


def _forget_empty_variables() -> None:
    """An empty variable counts as not set, to obstore as to us: a compose file passes such."""
    for name, value in list(os.environ.items()):
        if name.startswith("AWS_") and not value.strip():
            del os.environ[name]
