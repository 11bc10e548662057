"""Cuts the power of the disk that a backup is written to, or that one is restored to.

    python -m tests.system.power.backups [--cuts 20] [--seed N]

After each cut, everything that the disk shows as a backup must be complete, and so must a store. A
backup or a restore that was reported as done must be there. The exit code is 1 otherwise. Like
tests.system.power, it needs root and a loop device, and is skipped without them.
"""

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from admin.backup.stored_files import all_files
from admin.transfer.file_copies import stored_size
from storage.db.sqlite_file.wal_file import open_plainly
from storage.files.folder import FolderUploads
from tests.support.backups import files_below, read_all, store_upload
from tests.support.stores import Bench, open_bench
from tests.support.transfers import enqueue_many, fill_store
from tests.support.waiting import wait_for
from tests.system.power.disk import Disk, missing_requirement, new_disk

FILES, FILE_BYTES = 40, 100_000


def main() -> None:
    """Run all cuts, and print a line for each kind."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.power.backups")
    parser.add_argument("--cuts", type=int, default=20, help="power cuts of each kind")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the disk is removed
    if lack := missing_requirement():
        say(f"power cuts of backups: SKIPPED, the power cannot be cut here ({lack})")
        return
    say(f"seed {arguments.seed}\n\n| cut during | cuts | ended before | complete | broken |")
    say("|---|---|---|---|---|")
    with new_disk() as disk, tempfile.TemporaryDirectory(prefix="power-backups-") as name:
        trial = Trial(disk, Path(name), random.Random(arguments.seed))
        broken = trial.cut_backups(arguments.cuts) + trial.cut_restores(arguments.cuts)
    sys.exit("\n".join(broken) or None)


class Trial:
    """A store on another disk, and backups and restored stores on the one whose power is cut."""

    def __init__(self, disk: Disk, folder: Path, rng: random.Random):
        self._disk, self._folder, self._rng = disk, folder, rng
        self._errors = (folder / "errors").open("wb")
        disk.format()

    def cut_backups(self, cuts: int) -> list[str]:
        """Cut the power while backups of a growing store are written; return what is broken."""
        place, acknowledged = self._disk.root / "backups", 0
        ended, complete, broken = 0, 0, list[str]()
        with self._open_store() as bench:
            fill_store(bench)
            for cut in range(cuts):
                self._grow(bench)
                done = self._cut_while(FILES, "backup", "--to", str(place))
                ended, acknowledged = ended + done, acknowledged + done
                found = read_all(place) if place.exists() else None
                backups = len(found.backups) if found else 0
                if found and (found.damaged or found.incomplete):
                    broken.append(f"cut {cut} of a backup: {found.damaged} {found.incomplete}")
                if backups < acknowledged:
                    broken.append(
                        f"cut {cut}: {acknowledged} backups had ended, {backups} are there"
                    )
                acknowledged = complete = backups
        say(f"| backup | {cuts} | {ended} | {complete} | {len(broken)} |")
        return broken

    def cut_restores(self, cuts: int) -> list[str]:
        """Cut the power while a backup is restored; return what is broken."""
        place = self._folder / "backups"
        ended, complete, broken = 0, 0, list[str]()
        with self._open_store():
            self._run("backup", "--to", str(place)).wait()
        most = files_below(place)
        for cut in range(cuts):
            new = self._disk.root / f"restored-{cut}"
            done = self._cut_while(most, "restore", "--from", str(place), DATA_DIR=str(new))
            ended += done
            wrong = wrong_in(new)
            if wrong is None and done:
                broken.append(f"cut {cut}: the restore had ended, and there is no store")
            if wrong is None:  # the next one goes on
                if self._run("restore", "--from", str(place), DATA_DIR=str(new)).wait():
                    lines = (self._folder / "errors").read_text().splitlines()
                    broken.append(f"cut {cut}: no restore after it: {lines[-1]}")
                wrong = wrong_in(new) or []
            else:
                complete += 1
            broken += [f"cut {cut} of a restore: {each}" for each in wrong]
            shutil.rmtree(new)
        say(f"| restore | {cuts} | {ended} | {complete} | {len(broken)} |")
        return broken

    def _open_store(self) -> contextlib.AbstractContextManager[Bench]:
        return open_bench(f"sqlite:///{self._folder / 'data/jobs.db'}", self._folder)

    def _grow(self, bench: Bench) -> None:
        """Store more jobs and files."""
        enqueue_many(bench, 200)
        for _ in range(FILES):
            bench.enqueue("analyze", upload=store_upload(bench, self._rng.randbytes(FILE_BYTES)))

    def _cut_while(self, most: int, *command: str, **environ: str) -> bool:
        """Cut the power while a command works, which writes about `most` files; return whether it
        had ended with success."""
        least = files_below(self._disk.root) + self._rng.randrange(round(1.5 * most))
        process = self._run(*command, **environ)
        wait_for(lambda: process.poll() is not None or files_below(self._disk.root) >= least, 60)
        time.sleep(self._rng.uniform(0, 0.1))
        done = process.poll() == 0
        self._disk.cut()
        process.kill()
        process.wait()
        self._disk.unmount()
        self._disk.mount()
        return done

    def _run(self, *command: str, **environ: str) -> subprocess.Popen[bytes]:
        given = {"DATA_DIR": str(self._folder / "data"), "LOG_LEVEL": "ERROR", **environ}
        return subprocess.Popen(
            [sys.executable, "-m", "storage", *command],
            env={**os.environ, **given},
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
        )


def wrong_in(data: Path) -> list[str] | None:
    """The faults of a restored store; None if there is no database."""
    if not (data / "jobs.db").exists():
        return None
    with open_plainly(data / "jobs.db", "immutable") as database:
        ((sound,),) = database.execute_sql("PRAGMA integrity_check").fetchall()
        uploads = FolderUploads(data / "uploads")
        missing = [
            f"{each.name} is missing"
            for each in all_files(database.execute_sql)
            if stored_size(uploads, each) != each.size
        ]
    return ([] if sound == "ok" else [sound]) + missing


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
