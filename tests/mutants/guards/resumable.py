"""The guards of resumable uploads."""

from tests.mutants.mutant import Mutant

STORAGE = ("tests/storage/files/test_resumable.py",)
API = ("tests/server/api/uploads/test_resumable.py",)
CLIENT = ("tests/client/test_resumable.py",)
FOLDER = "storage/files/resumable/folder.py"
BUCKET = "storage/files/resumable/bucket.py"
SERVICE = "server/jobs/uploads/resumable_uploads.py"
HANDLER = "server/api/uploads/uploads.py"
BODY = "server/api/uploads/resumable_body.py"

WEB = "server/web/uploads/resumableUpload.js"
WEB_UNITS = ("tests/web/test_modules.py",)

MEMBERS = ("tests/runner/job_types/registry/test_member_files.py",)
FILES_OF_JOBS = (
    Mutant(
        "an archive of the client stays one file",
        "runner/job_types/registry/member_files.py",
        "    return written == expected and is_within",
        "    return is_within",
        MEMBERS,
    ),
    Mutant(
        "a member does not lead out of its archive",
        "runner/job_types/registry/member_files.py",
        "    return written == expected and is_within and",
        "    return written == expected and",
        MEMBERS,
    ),
    Mutant(
        "the copy of a file stays in its folder",
        "runner/job_types/registry/member_files.py",
        'name.replace("\\0", "").rpartition("/")[2]',
        'name.replace("\\0", "")',
        MEMBERS,
    ),
    Mutant(
        "a job type gets several files",
        "runner/job_types/registry/entry.py",
        "        context.list_uploads = files_of\n",
        "",
        ("tests/storage/files/test_uploads.py",),
    ),
)
RESUMABLE = (
    Mutant(
        "the last bytes of a request that ends early are kept",
        BODY,
        "                    if self._checksum is None:",
        "                    if False:",
        API,
    ),
    Mutant(
        "bytes are appended only at the offset",
        FOLDER,
        "                if found != offset:",
        "                if found < offset:",
        STORAGE,
    ),
    Mutant(
        "of two writers to a folder, one is refused",
        FOLDER,
        "                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "                pass",
        STORAGE,
    ),
    Mutant(
        "of two writers to a bucket, one is refused",
        BUCKET,
        'obstore.put(self._bucket, name, data, mode="create")',
        "obstore.put(self._bucket, name, data)",
        STORAGE,
    ),
    Mutant(
        "unverified bytes in a folder do not count",
        FOLDER,
        "return stored if self.unverified_from is None else min(stored, self.unverified_from)",
        "return stored",
        STORAGE,
    ),
    Mutant(
        "unverified bytes of a dead writer are cut off",
        FOLDER,
        "                if stored > found:",
        "                if False:",
        STORAGE,
    ),
    Mutant(
        "only a whole file gets its hash",
        FOLDER,
        "            if stored != info.size:",
        "            if False:",
        STORAGE,
    ),
    Mutant(
        "an upload that is being written is not swept",
        FOLDER,
        "and not self._is_locked(folder):",
        "and True:",
        STORAGE,
    ),
    Mutant(
        "objects of others are not swept",
        BUCKET,
        "with contextlib.suppress(ValueError):  # no upload of ours: leave",
        "with contextlib.suppress(KeyError):  # no upload of ours: leave",
        STORAGE,
    ),
    Mutant(
        "only who has begun an upload, and admins, may use it",
        SERVICE,
        "if not (caller.is_own(found.created_by) or caller.may_change_all):",
        "if False:",
        API,
    ),
    Mutant(
        "an expired upload is gone",
        SERVICE,
        "if found is None or self.expires_at(found) <= await self._run(self._uploads.now):",
        "if found is None:",
        API,
    ),
    Mutant(
        "a job gets only a complete file",
        SERVICE,
        "        if not found.has_all:",
        "        if False:",
        API,
    ),
    Mutant(
        "the number of uploads is limited",
        SERVICE,
        "if most >= MAX_UPLOADS // 2:",
        "if False:",
        API,
    ),
    Mutant(
        "a request for the offset ends the one that writes",
        HANDLER,
        "        await self.resumable.interrupt(parsed_id)\n",
        "",
        API,
    ),
    Mutant(
        "a body is not longer than the rest of the file",
        HANDLER,
        "        if upload.offset + size > upload.size:",
        "        if False:",
        API,
    ),
    Mutant(
        "an upload needs its whole size on the disk",
        HANDLER,
        "        self.disk_watermark.admit_upload(size)\n        upload = await",
        "        upload = await",
        API,
    ),
    Mutant(
        "bytes with another checksum are not stored",
        BODY,
        "        if self.found.digest() != self.expected:",
        "        if False:",
        API,
    ),
    Mutant(
        "a refused job leaves no copy of its upload",
        "server/jobs/submissions.py",
        "            if is_refused or isinstance(error, StoreError):\n                await self._",
        "            if False:\n                await self._",
        API,
    ),
    Mutant(
        "a job that is stored already leaves no copy of its upload",
        "server/jobs/submissions.py",
        "        if submitted.is_earlier:\n            await self._threads.run(self._store.uploads",
        "        if False:\n            await self._threads.run(self._store.uploads",
        API,
    ),
    Mutant(
        "the client notices that a file has changed",
        "client/jobservice/_async/uploads.py",
        "        if complete.sha256 != await async_call(lambda: hashed.sha256(size)):",
        "        if False:",
        CLIENT,
    ),
    Mutant(
        "a submission is checked before its large file is sent",
        "client/jobservice/_async/uploads.py",
        "        if check:",
        "        if False:",
        CLIENT,
    ),
    Mutant(
        "the page sends only the bytes that the service lacks",
        WEB,
        "    let { offset } = await getOffset(this.id);",
        "    let { offset } = this;",
        WEB_UNITS,
    ),
    Mutant(
        "the page goes on with the upload of a file that is chosen again",
        WEB,
        "    const remembered = recall(file);",
        "    const remembered = null;",
        WEB_UNITS,
    ),
    Mutant(
        "the page does not send an upload twice at a time",
        WEB,
        "  if (own.has(id)) return false;",
        "",
        WEB_UNITS,
    ),
    Mutant(
        "a file that cannot be read any more is not a lost connection",
        WEB,
        "await requireReadable(this.file);",
        "await undefined;",
        WEB_UNITS,
    ),
    Mutant(
        "the page has the fields checked before it sends a large file",
        "server/web/pages/submit/largeSubmission.js",
        "    await this.check(request, upload, signal, onWait);",
        "",
        ("tests/web/test_large_uploads.py",),
    ),
)
