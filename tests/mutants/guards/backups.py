"""Guards of backups: exact snapshots, hashes, locks, and places that must be empty."""

from tests.mutants.mutant import Mutant

BACKUPS = ("tests/admin/backup/test_backups.py",)
SNAPSHOT = ("tests/admin/backup/test_sqlite_snapshot.py",)
COMMANDS = ("tests/admin/backup/test_commands.py",)
PLACES = ("tests/admin/backup/test_destinations.py",)
PACE = ("tests/admin/backup/test_pace.py",)

BACKUP = (
    Mutant(
        "a backup does not rest for the time that it waited for a processor",
        "admin/backup/destinations/pace.py",
        "time.monotonic() - seconds_without_processor()",
        "time.monotonic()",
        ("tests/admin/backup/test_pace.py",),
    ),
    Mutant(
        "BACKUP_PACE says how long a backup rests",
        "admin/backup/destinations/opening.py",
        "share if settings.backup_pace is None else settings.backup_pace",
        "share",
        ("tests/admin/backup/test_pace.py",),
    ),
    Mutant(
        "the file of a snapshot has all that its reader sees",
        "admin/backup/databases/sqlite.py",
        "return pages == copied and not is_busy and _changes(checker) == before",
        "return True",
        SNAPSHOT,
    ),
    Mutant(
        "the WAL is copied into the file when a snapshot ends",
        "admin/backup/databases/sqlite.py",
        "target=_copy_wal, args=(checker, CHECKPOINT_PAGES)",
        "target=int",
        SNAPSHOT,
    ),
    Mutant(
        "files are copied before the snapshot, too",
        "admin/backup/create.py",
        "    copies.copy(_files_now(database))\n",
        "",
        BACKUPS,
    ),
    Mutant(
        "a backup rests after each piece that it writes",
        "admin/backup/destinations/folder.py",
        "                    self.pace.rest()\n                file",
        "                file",
        PACE,
    ),
    Mutant(
        "a backup hurries while it keeps writers off",
        "admin/backup/create.py",
        "if state.keeps_writers_off else",
        "if False else",
        PACE,
    ),
    Mutant(
        "a file with another hash is not stored",
        "admin/backup/stored_files.py",
        "if digest.hexdigest() != file.sha256:",
        "if False:",
        BACKUPS,
    ),
    Mutant(
        "a damaged file is not restored",
        "admin/backup/restore.py",
        "if digest.hexdigest() != file.sha256:",
        "if False:",
        BACKUPS,
    ),
    Mutant(
        "a backup is only restored into an empty place",
        "admin/backup/restore.py",
        "            if path.exists():",
        "            if False:",
        PLACES,
    ),
    Mutant(
        "a restore does not share the uploads of another service",
        "admin/backup/restore.py",
        "if not self.may_adopt and not (is_empty and owner is None):",
        "if False:",
        COMMANDS,
    ),
    Mutant(
        "the files that jobs have left count as files of another service",
        "storage/files/bucket.py",
        'name.startswith(f"{ARTIFACTS}/") or ',
        "",
        COMMANDS,
    ),
    Mutant(
        "a backup of a newer release is refused",
        "admin/backup/restore.py",
        "    if unknown := sorted(set(manifest.migrations) - known):",
        "    if unknown := []:",
        PLACES,
    ),
    Mutant(
        "a manifest that cannot be read keeps all chunks",
        "admin/backup/create.py",
        "    except Damaged:\n        return Deleted(len(old), 0)\n",
        "    except Damaged:\n        pass\n",
        PLACES,
    ),
    Mutant(
        "one program at a time changes a folder",
        "admin/backup/destinations/folder.py",
        "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
        PLACES,
    ),
    Mutant(
        "one program at a time changes a bucket",
        "storage/files/object_folder.py",
        ', mode="create")',
        ")",
        PLACES,
    ),
    Mutant(
        "a worker makes a backup only when one is due",
        "runner/supervisor/scheduled_backups.py",
        "if time.monotonic() >= self._not_before and self._is_due():",
        "if True:",
        ("tests/runner/supervisor/test_scheduled_backups.py",),
    ),
    Mutant(
        "a worker makes no backup that another has just made",
        "admin/commands/backup.py",
        "if last_at is not None and now - last_at < arguments.scheduled * 1000:",
        "if False:",
        ("tests/admin/backup/test_commands.py",),
    ),
    Mutant(
        "threads write into a folder one after the other",
        "admin/backup/destinations/folder.py",
        "        with self._publishing:\n            self.pace.skip()",
        "        if True:\n            self.pace.skip()",
        PLACES,
    ),
    Mutant(
        "threads write into an archive one after the other",
        "admin/backup/destinations/archive.py",
        "with self._adding, translate_errors",
        "with translate_errors",
        PLACES,
    ),
    Mutant(
        "an archive is unpacked once for all threads",
        "admin/backup/destinations/archive.py",
        "        with self._unpacking:\n",
        "        if True:\n",
        PLACES,
    ),
    Mutant(
        "a restore deletes what killed ones have unpacked",
        "admin/backup/destinations/archive.py",
        "            shutil.rmtree(folder, ignore_errors=True)\n",
        "            pass\n",
        PLACES,
    ),
    Mutant(
        "an archive that ends within a file is damaged",
        "admin/backup/destinations/archive.py",
        """                yield some
        except (*DAMAGED, tarfile.TarError) as error:""",
        """                yield some
        except tarfile.TarError as error:""",
        PLACES,
    ),
    Mutant(
        "an archive writes only its own names",
        "admin/backup/destinations/archive.py",
        "if member.isfile() and _is_ours(member.name):",
        "if member.isfile():",
        PLACES,
    ),
    Mutant(
        "a restore to a full disk is explained",
        "admin/backup/restore.py",
        "with translate_errors(str(file.parent)):",
        "if True:",
        COMMANDS,
    ),
    Mutant(
        "a folder does not get the name of an archive",
        "admin/backup/destinations/opening.py",
        "if path.name.endswith(_OTHER_ARCHIVES) and not path.is_dir():",
        "if False:",
        COMMANDS,
    ),
    Mutant(
        "an address that is not understood is no folder",
        "storage/settings/url.py",
        'text.startswith("file:///") or not _ADDRESS.match(text)',
        "True",
        COMMANDS,
    ),
    Mutant(
        "a place in memory gets a warning",
        "admin/backup/destinations/risks.py",
        "mount.kind in IN_MEMORY",
        "False",
        COMMANDS,
    ),
    Mutant(
        "a backup does not go into the folder of the uploads",
        "admin/backup/destinations/opening.py",
        " or uploads in (folder, *folder.parents)",
        "",
        PLACES,
    ),
)
