"""Guards for disks that run full, stores that fail, and writers that take turns."""

from tests.mutants.mutant import Mutant

FAULTS = ("tests/test_store_faults.py",)
DOUBT = ("tests/test_store_doubt.py",)
TURNS = ("tests/test_write_lock.py",)
DISK = ("tests/test_disk_mark.py",)

STORE_FAULTS = (
    Mutant(
        "a foreign file is only read",
        "storage/schema.py",
        '_tables_of(engine.database, "ro")',
        '_tables_of(engine.database, "rw")',
        FAULTS,
    ),
    Mutant(
        "a transaction that was cut off is rolled back at the start",
        "storage/schema.py",
        'if "readonly" not in str(error):',
        "if True:",
        FAULTS,
    ),
    Mutant(
        "a file that was replaced is written to no more",
        "storage/engines.py",
        "if self._file is not None and self._file != _identity(self.database):",
        "if False:",
        TURNS,
    ),
    Mutant(
        "a rollback that fails does not hide why",
        "storage/engines.py",
        "if not self.is_closed() and self.connection().in_transaction:",
        "if True:",
        (*FAULTS, *DOUBT),
    ),
    Mutant(
        "a rollback over a lost connection does not hide why",
        "storage/engines.py",
        "if not self.is_closed() and not self.connection().closed:",
        "if True:",
        FAULTS,
    ),
    Mutant(
        "a commit that failed is in doubt",
        "storage/database.py",
        "committing = True",
        "committing = False",
        DOUBT,
    ),
    Mutant(
        "what failed before its commit is in no doubt",
        "storage/database.py",
        "committing = False",
        "committing = True",
        DOUBT,
    ),
    Mutant(
        "a commit for which there was no room is in no doubt",
        "storage/database.py",
        "if not committing or is_rolled_back(error, self.postgresql):",
        "if not committing:",
        DOUBT,
    ),
    Mutant(
        "writers take turns",
        "storage/engines.py",
        "if not self.write_lock.take(waits.BUSY_SECONDS):",
        "if False:",
        TURNS,
    ),
    Mutant(
        "the wait for a turn has an end",
        "storage/write_lock.py",
        "max(0.0, deadline - time.monotonic())",
        "None",
        TURNS,
    ),
    Mutant(
        "who has given up does not keep the turn",
        "storage/write_lock.py",
        "            if not self._wanted:\n                fcntl.flock(file, fcntl.LOCK_UN)\n",
        "",
        TURNS,
    ),
    Mutant(
        "threads of one program take turns",
        "storage/write_lock.py",
        "if not self._threads.acquire(timeout=seconds):",
        "if False:",
        TURNS,
    ),
    Mutant(
        "a turn is given back by whoever has it",
        "storage/write_lock.py",
        "if self._owner != threading.get_ident():",
        "if self._owner is None:",
        TURNS,
    ),
    Mutant(
        "a turn ends with the commit",
        "storage/engines.py",
        "        super().commit()\n        self.write_lock.give_back()\n",
        "        super().commit()\n",
        TURNS,
    ),
    Mutant(
        "a turn ends with the rollback",
        "storage/engines.py",
        "        finally:\n            self.write_lock.give_back()\n",
        "        finally:\n            pass\n",
        TURNS,
    ),
    Mutant(
        "a turn ends when its transaction cannot begin",
        "storage/engines.py",
        "            self.write_lock.give_back()\n            raise\n",
        "            raise\n",
        TURNS,
    ),
    Mutant(
        "an end whose commit is in doubt is told as an end",
        "runner/settling.py",
        "is_moved or hold(running) in doubtful",
        "is_moved",
        DOUBT,
    ),
    Mutant(
        "a cancel waits for no commit",
        "runner/supervisor.py",
        "            self._work.kill_canceled()  # ahead of commits, which wait for the disk\n"
        "            self._ended += self._work.look()\n"
        "            self._settle_and_claim()\n",
        "            self._ended += self._work.look()\n"
        "            self._settle_and_claim()\n"
        "            self._work.kill_canceled()\n",
        ("tests/test_supervisor.py",),
    ),
    Mutant(
        "a lease is renewed though jobs cannot be read",
        "runner/supervisor.py",
        "            self._liveness.renew()",
        "            self._claims.to_cancel()\n            self._liveness.renew()",
        ("tests/test_store_outages.py",),
    ),
    Mutant(
        "a claim that was committed late is run",
        "runner/supervisor.py",
        "if not self._in_doubt and time.monotonic() < self._reconcile_at:",
        "if not self._in_doubt:",
        DOUBT,
    ),
    Mutant(
        "a submission in doubt is told as such",
        "server/storing.py",
        "except StoreInDoubt as error:",
        "except ZeroDivisionError as error:",
        DOUBT,
    ),
    Mutant(
        "the file of a job in doubt stays",
        "server/handlers/jobs.py",
        "if upload is None or isinstance(error, StoreError):",
        "if True:",
        DOUBT,
    ),
    Mutant(
        "the file of a job that was not stored goes",
        "server/handlers/jobs.py",
        "if upload is None or isinstance(error, StoreError):",
        "if upload is None:",
        DOUBT,
    ),
    Mutant(
        "below the mark no job is taken on the fast path",
        "server/fast_calls.py",
        "        services.disk.admit(len(body))\n",
        "",
        DISK,
    ),
    Mutant(
        "below the mark no job is taken",
        "server/handlers/jobs.py",
        "        self.services.disk.admit(size)\n",
        "",
        DISK,
    ),
    Mutant(
        "a file that would get below the mark is refused before it comes",
        "server/handlers/jobs.py",
        "        self.services.disk.admit_upload(size)\n",
        "",
        DISK,
    ),
    Mutant(
        "a file is refused when it gets below the mark",
        "server/file_part.py",
        "        self._admit(self._gathering.size)\n",
        "",
        DISK,
    ),
    Mutant(
        "the default mark lets a small disk be used",
        "server/disk_mark.py",
        "min(DEFAULT_BYTES, found.total // DEFAULT_PART)",
        "DEFAULT_BYTES",
        DISK,
    ),
    Mutant(
        "a full disk is told as such",
        "storage/failures.py",
        'is_full = "full" in text or "No space left" in text',
        "is_full = False",
        ("tests/test_store_faults.py", "tests/test_disk_full.py"),
    ),
    Mutant(
        "a worker that lacks descriptors for its upkeep lives on",
        "runner/upkeep.py",
        "except (OSError, RuntimeError) as error:",
        "except ZeroDivisionError as error:",
        ("tests/test_worker_faults.py",),
    ),
)
