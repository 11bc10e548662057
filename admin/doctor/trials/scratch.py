"""A scratch store beside the real one: a folder in DATA_DIR, and a database on the same server."""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from admin.doctor.findings.setting_names import setting_names
from admin.doctor.findings.subject import Subject
from storage.records.job import StoreError

ROOT = Path(__file__).parents[3]
"""The folder that contains the packages."""
_PREFIX = "trial-"


@dataclass
class Scratch:
    """A folder on the disk of DATA_DIR, and the URL of an empty database; "" for a SQLite file.

    `is_kept`: the folder stays, because it has logs of faults.
    """

    folder: Path
    url: str
    is_kept: bool = False


@contextmanager
def scratch_store(subject: Subject) -> Iterator[Scratch]:
    """Make a scratch store, and remove it at the end.

    Raises StoreError if DATA_DIR cannot be used, or the role may not create a database.
    """
    data = subject.settings.data_dir.absolute()
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=data))
    except OSError as error:
        raise StoreError(
            f"DATA_DIR={data} cannot be used: {error.strerror}: start a program first, which makes "
            "it, or mkdir it"
        ) from error
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(_database(subject)) if subject.postgresql else ""
        scratch = Scratch(folder, url)
        try:
            yield scratch
        finally:
            if not scratch.is_kept:
                shutil.rmtree(folder, ignore_errors=True)


def plain_environment() -> dict[str, str]:
    """Return the environment without settings of the service, for a scratch store."""
    names = setting_names()
    names |= {f"{name}_FILE" for name in names}
    return {
        name: value
        for name, value in os.environ.items()
        if name not in names and not name.startswith(("OTEL_", "AWS_"))
    }


@contextmanager
def _database(subject: Subject) -> Iterator[str]:
    """Create an empty database on the server of the settings; yield its URL, and drop it."""
    name = f"job_service_trial_{secrets.token_hex(4)}"
    url = subject.settings.listen_url or subject.settings.store_url
    _execute(subject, f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        _execute(subject, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(subject: Subject, statement: str) -> None:
    connection = None
    try:
        connection = subject.database.raw_connection()
        connection.execute(statement)
    except Exception as error:
        raise StoreError(
            f"no scratch database: {' '.join(str(error).split())}: ALTER ROLE … CREATEDB"
        ) from error
    finally:
        if connection is not None:
            connection.close()
