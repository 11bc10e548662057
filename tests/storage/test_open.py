"""Programs that open one store at the same time."""

import fcntl
import threading
from pathlib import Path

from storage.open import open_store
from storage.settings.settings import Settings
from tests.support.waiting import wait_for


def is_waited_for(lock: Path) -> bool:
    """Return whether the kernel knows a process that waits for an flock on a file."""
    number = f":{lock.stat().st_ino} "
    locks = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and number in line for line in locks)


def test_a_program_waits_while_another_creates_the_schema(tmp_path: Path) -> None:
    lock = tmp_path / "schema.lock"
    settings = Settings.read({"DATA_DIR": str(tmp_path)})
    opener = threading.Thread(target=lambda: open_store(settings).close())
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        opener.start()
        wait_for(lambda: is_waited_for(lock))
        assert not (tmp_path / "jobs.db").exists()
    opener.join(10)
    assert (tmp_path / "jobs.db").exists()
