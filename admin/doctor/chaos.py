"""`doctor --chaos SECONDS`: the chaos suite, on the disk or the database server of the user.

The suite is `tests/system/chaos`. The image has it, with the few modules of `tests/support` that it
imports, so that every user runs what CI runs. Its scratch store is beside the real one: a folder in
DATA_DIR, and a database on the same server.
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from admin.doctor.findings.setting_names import setting_names
from admin.doctor.findings.subject import Subject
from storage.records.job import StoreError

_ROOT = Path(__file__).parents[2]
"""The folder that contains the packages."""
_PREFIX = "trial-"

SUITE = _ROOT / "tests" / "system" / "chaos"


def run_chaos(subject: Subject, seconds: float) -> int:
    """Run the suite, which prints the promises and what broke them; return the exit code.

    Raises StoreError if there is no suite, or no scratch store can be made.
    """
    if not SUITE.is_dir():
        raise StoreError(f"there is no {SUITE}: run it in a checkout, or in the image")
    with scratch_store(subject) as scratch:
        where = ["--url", scratch.url] if scratch.url else []
        command = [sys.executable, "-m", "tests.system.chaos", "--seconds", f"{seconds:g}"]
        command += ["--folder", str(scratch.folder), *where]
        code = subprocess.run(command, cwd=_ROOT, env=plain_environment(), check=False).returncode
        scratch.is_kept = code != 0
    return code


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
