"""The guards of files that are named by their hashes."""

from tests.mutants.mutant import Mutant

API = ("tests/server/api/files/test_by_hash.py",)
COPIES = ("tests/storage/files/test_copies.py",)
FOLDER = "storage/files/folder.py"
BUCKET = "storage/files/bucket.py"
SERVICE = "server/jobs/uploads/stored_files.py"

OWNERSHIP = "storage/ownership/ownership.py"
OWNER = ("tests/storage/ownership/test_ownership.py",)

STORED_FILES = (
    Mutant(
        "a store refuses the files of another one",
        OWNERSHIP,
        "    if problem and not adopt:\n",
        "    if False:\n",
        OWNER,
    ),
    Mutant(
        "a new store refuses files without an owner",
        OWNERSHIP,
        '[0]["value"] == 0:',
        '[0]["value"] < 0:',
        OWNER,
    ),
    Mutant(
        "a store refuses files that are not those it names",
        OWNERSHIP,
        "    if named:\n",
        "    if False:\n",
        OWNER,
    ),
    Mutant(
        "no sweep deletes files from before the store took the place over",
        OWNERSHIP,
        "since = 0.0 if uploads.is_empty() else time.time()",
        "since = 0.0",
        OWNER,
    ),
    Mutant(
        "no sweep deletes most of all files",
        "storage/files/owner.py",
        "    if lone > max(_FEW, all / 2):\n",
        "    if False:\n",
        OWNER,
    ),
    Mutant(
        "a restored store is a copy with an id of its own",
        "admin/backup/restore.py",
        "Owner(change_store_id(rows), self._since)",
        'Owner("lost", self._since)',
        ("tests/admin/backup/test_backups.py",),
    ),
    Mutant(
        "a linked file is not swept as an old one",
        FOLDER,
        "        os.utime(path)  # a sweep of files without a job counts from now on\n",
        "",
        COPIES,
    ),
    Mutant(
        "a cut file in a folder is not copied",
        FOLDER,
        "        if size != source.size:\n            return None\n        try:",
        "        try:",
        COPIES,
    ),
    Mutant(
        "a cut object is not copied",
        BUCKET,
        "        if size != source.size:\n            return None\n        new = uuid4()",
        "        new = uuid4()",
        COPIES,
    ),
    Mutant(
        "a file that is deleted while it is linked is gone",
        FOLDER,
        "but=FileNotFoundError):",
        "but=PermissionError):",
        COPIES,
    ),
    Mutant(
        "an object that is deleted while it is copied is gone",
        BUCKET,
        "            copy_object(self._bucket, object, str(new), source.size)\n"
        "        except StoreUnavailable as error:\n"
        "            if isinstance(error.__cause__, FileNotFoundError):",
        "            copy_object(self._bucket, object, str(new), source.size)\n"
        "        except StoreUnavailable as error:\n"
        "            if False:",
        COPIES,
    ),
    Mutant(
        "another equal file is taken if one is gone",
        SERVICE,
        "                if upload is not None:\n                    return upload",
        "                if upload is None:\n                    raise _unknown()\n"
        "                return upload",
        API,
    ),
    Mutant(
        "files are looked for again if all that were found are gone",
        SERVICE,
        "for _ in range(TRIES):",
        "for _ in range(1):",
        API,
    ),
    Mutant(
        "a file above the limit of uploads is not used by its hash",
        SERVICE,
        "        if file.size > self._max_bytes:",
        "        if False:",
        API,
    ),
    Mutant(
        "a submission names its file in one way only",
        "server/documents/options/upload_reference.py",
        "        if (self.id is None) == (self.sha256 is None):",
        "        if self.id is None and self.sha256 is None:",
        API,
    ),
    Mutant(
        "a hash may be written with capital letters",
        "server/documents/options/upload_reference.py",
        "        return value.lower()",
        "        return value",
        API,
    ),
    Mutant(
        "the client sends a file that was deleted meanwhile",
        "client/jobservice/_async/client.py",
        '            if error.field == "upload.sha256":',
        "            if False:",
        ("tests/client/test_resumable.py",),
    ),
)
