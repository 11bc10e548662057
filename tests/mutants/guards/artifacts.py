"""The guards of files that jobs leave."""

from tests.mutants.mutant import Mutant

BUCKET = ("tests/storage/files/test_bucket.py",)
STORED = ("tests/storage/files/test_artifacts.py",)
ROWS = ("tests/storage/jobs/test_files.py",)
NAMES = ("tests/runner/files/test_names.py",)
COPIES = ("tests/runner/files/test_store.py",)
WORKER = ("tests/runner/supervisor/test_storing_files.py",)
MIXED = ("tests/storage/db/test_mixed_releases.py",)

ARTIFACTS = (
    Mutant(
        "bytes that S3 does not have yet are bounded",
        "storage/files/bucket_objects.py",
        "while self.used + len(data) > self._limit:",
        "while False:",
        BUCKET,
    ),
    Mutant(
        "bytes that S3 has are not held",
        "storage/files/bucket_objects.py",
        "            self.used -= size\n",
        "",
        BUCKET,
    ),
    Mutant(
        "the files of a running attempt are not swept",
        "storage/jobs/files.py",
        "known = {key for key in unused if (key.job_id, key.attempt) in attempts}",
        "known = set()",
        ROWS,
    ),
    Mutant(
        "the files of an earlier attempt are swept",
        "storage/jobs/files.py",
        "if (key.job_id, key.attempt) in attempts",
        "if key.job_id in {job_id for job_id, _ in attempts}",
        ROWS,
    ),
    Mutant(
        "files with a row are not swept",
        "storage/jobs/files.py",
        "    known |= {*keys_of_files(database, ids)}\n",
        "",
        ROWS,
    ),
    Mutant(
        "only the holder of a job stores rows of its files",
        "storage/jobs/transitions.py",
        "files = [file for each in settled for file in each.files]",
        "files = [file for each in settlements for file in each.files]",
        ROWS,
    ),
    Mutant(
        "the bytes of files are deleted with their job",
        "storage/jobs/retention.py",
        "return [*delete_unused_uploads(database, uploads), *left]",
        "return [*delete_unused_uploads(database, uploads)]",
        ROWS,
    ),
    Mutant(
        "a job that another release deletes takes the rows of its files along",
        "storage/migrations/0045_job_file.py",
        'DELETE = "DELETE FROM job_file WHERE job_id = OLD.id;"',
        'DELETE = "DELETE FROM job_file WHERE job_id = OLD.id AND position > 99;"',
        MIXED,
    ),
    Mutant(
        "a sweep leaves names alone that are no keys",
        "storage/records/job_file.py",
        "found = _KEY.fullmatch(text)",
        "found = _KEY.search(text)",
        STORED,
    ),
    Mutant(
        "an object that is complete is removed when its file is given up",
        "storage/files/bucket_artifacts.py",
        "        if self._object.may_be_complete:",
        "        if False:",
        STORED,
    ),
    Mutant(
        "a name has no part that leads out of its folder",
        "runner/files/names.py",
        'if any(part in ("", ".", "..") for part in parts):',
        'if any(part in ("", ".") for part in parts):',
        NAMES,
    ),
    Mutant(
        "a name has no control characters",
        "runner/files/names.py",
        'rf"[\\\\{CONTROL_CHARACTERS}]"',
        'r"[\\\\]"',
        NAMES,
    ),
    Mutant(
        "names are compared without case",
        "runner/files/names.py",
        'unicodedata.normalize("NFC", path).casefold())',
        'unicodedata.normalize("NFC", path))',
        NAMES,
    ),
    Mutant(
        "folders of names are compared, too",
        "runner/files/names.py",
        "for count in range(1, len(parts) + 1):",
        "for count in range(len(parts), len(parts) + 1):",
        NAMES,
    ),
    Mutant(
        "a file that was replaced after the list is not opened",
        "runner/files/folder.py",
        "        _require_regular(name, mode)\n        path =",
        "        path =",
        COPIES,
    ),
    Mutant(
        "links are no files",
        "runner/files/folder.py",
        "                _require_regular(name, found.st_mode)\n",
        "",
        COPIES,
    ),
    Mutant(
        "a link is not followed when a file is opened",
        "runner/files/folder.py",
        "_PINNED = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC",
        "_PINNED = os.O_PATH | os.O_CLOEXEC",
        COPIES,
    ),
    Mutant(
        "the number of files and folders is limited",
        "runner/files/folder.py",
        "        if count > limits.count:",
        "        if False:",
        COPIES,
    ),
    Mutant(
        "the size of all files is limited",
        "runner/files/folder.py",
        "limits.total_bytes is not None and total > limits.total_bytes",
        "False",
        COPIES,
    ),
    Mutant(
        "a file that changes while it is stored is refused",
        "runner/files/store.py",
        "if _state(file) != before or writer.size != size:",
        "if writer.size != size:",
        COPIES,
    ),
    Mutant(
        "a file that grows is read no further than its first size",
        "runner/files/store.py",
        "            if writer.size + count > size:\n                break\n",
        "",
        COPIES,
    ),
    Mutant(
        "files that were stored before a failure are deleted",
        "runner/files/store.py",
        "        artifacts.delete([file.key for file in stored])\n        raise",
        "        raise",
        COPIES,
    ),
    Mutant(
        "a link in the place of a job's folder is not followed",
        "runner/pool/linux/kept_files.py",
        "folder = removal.open_folder(folder_name, runner_folder)",
        "folder = os.open(folder_name, os.O_RDONLY, dir_fd=runner_folder)",
        WORKER,
    ),
    Mutant(
        "a job whose files are being stored holds a slot",
        "runner/supervisor/running_jobs.py",
        "return Capacity(max(0, free - storing), 0)",
        "return Capacity(free, 0)",
        WORKER,
    ),
    Mutant(
        "files that are not needed any more are deleted when they are stored",
        "runner/files/store.py",
        "        if is_aborted():\n            raise Aborted\n    except",
        "    except",
        COPIES,
    ),
    Mutant(
        "the files of an attempt that lost its job are deleted",
        "runner/supervisor/supervisor.py",
        "        if not all(claimed.accepted):\n",
        "        if False:\n",
        WORKER,
    ),
    Mutant(
        "files that an earlier commit has stored are not deleted",
        "runner/supervisor/file_storer.py",
        "unused = self._find_unused(set(keys))",
        "unused = set(keys)",
        WORKER,
    ),
    Mutant(
        "a path that a job returns leads into its work folder",
        "runner/job_types/returned_files.py",
        "return found.is_relative_to(work) and found != work",
        "return True",
        WORKER,
    ),
    Mutant(
        "files that are being stored outlast the death of a keeper",
        "runner/pool/linux/work_folders.py",
        "            if name not in (_TRASH, KEPT):",
        "            if name != _TRASH:",
        ("tests/runner/pool/test_work_folders.py",),
    ),
)
