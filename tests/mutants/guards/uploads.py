"""The guards of uploads in a bucket, and of what reads them from afar."""

from tests.mutants.mutant import Mutant

BUCKET = ("tests/storage/files/test_bucket.py", "tests/storage/files/test_uploads.py")
REMOTE = ("tests/runner/remote/test_file.py",)
WHOLE = ("tests/end_to_end/test_s3_uploads.py",)

FOLDER = ("tests/storage/files/test_folder.py", "tests/storage/files/test_resumable.py")

UPLOADS = (
    Mutant(
        "the clock that dates the files tells their age",
        "storage/files/disk.py",
        "    return folder.stat().st_mtime\n",
        "    return time.time()\n",
        FOLDER,
    ),
    Mutant(
        "the store's clock tells the age of resumable uploads in a bucket",
        "storage/files/resumable/bucket.py",
        "        limit = datetime.fromtimestamp(self.now() / 1000 - keep_seconds, UTC)",
        "        limit = datetime.fromtimestamp(datetime.now(UTC).timestamp() - keep_seconds, UTC)",
        FOLDER,
    ),
    Mutant(
        "an abandoned file is aborted and not completed",
        "storage/files/bucket_objects.py",
        "self._writer.__exit__(EOFError, EOFError(), None)",
        "self._writer.close()",
        BUCKET,
    ),
    Mutant(
        "a file without all its parts is not completed",
        "storage/files/bucket_objects.py",
        "if self._failed:  # obstore",
        "if False:  # obstore",
        BUCKET,
    ),
    Mutant(
        "an object whose job could not be stored is deleted",
        "storage/files/bucket.py",
        "        if self._object.may_be_complete:",
        "        if False:",
        BUCKET,
    ),
    Mutant(
        "an object is swept only after an hour without a job",
        "storage/files/bucket.py",
        "if now - first >= GRACE_SECONDS}",
        "if now >= first}",
        BUCKET,
    ),
    Mutant(
        "foreign objects are left alone",
        "storage/files/bucket.py",
        "with contextlib.suppress(ValueError):  # no upload of ours",
        "with contextlib.suppress(KeyError):  # no upload of ours",
        BUCKET,
    ),
    Mutant(
        "the URL of a file lives as long as its job may",
        "storage/files/bucket.py",
        "seconds = _LONGEST_SECONDS if timeout is None else timeout + _SLACK_SECONDS",
        "seconds = _LONGEST_SECONDS",
        BUCKET,
    ),
    Mutant(
        "a bucket that refuses the key is not waited for",
        "storage/files/bucket.py",
        "            if _REFUSED.search(str(error.__cause__)):",
        "            if False:",
        BUCKET,
    ),
    Mutant(
        "an empty variable does not reach obstore",
        "storage/files/bucket_access.py",
        "            del os.environ[name]",
        "            pass",
        BUCKET,
    ),
    Mutant(
        "only a missing file prevents a retry, a missing bucket does not",
        "runner/remote/file.py",
        'if status == 404 and b"NoSuchKey" in body:',
        "if status == 404:",
        REMOTE,
    ),
    Mutant(
        "a file of another size is not read",
        "runner/remote/file.py",
        "return None if size == str(self._size) else RemoteChanged(size)",
        "return None",
        REMOTE,
    ),
    Mutant(
        "a wrong range is not accepted",
        "runner/remote/file.py",
        "if match is None or match[1] not in (str(start), None):",
        "if match is None:",
        REMOTE,
    ),
    Mutant(
        "a short answer is not taken for the end of the file",
        "runner/remote/file.py",
        '            raise self._connection_error(EOFError("it ended too early"))',
        "            return 0",
        REMOTE,
    ),
    Mutant(
        "a server that sends nothing is given up",
        "runner/remote/file.py",
        "        if self._tries == _TRIES:",
        "        if False:",
        REMOTE,
    ),
    Mutant(
        "a server that sends something is not given up",
        "runner/remote/file.py",
        "                self._tries = 0\n",
        "",
        REMOTE,
    ),
    Mutant(
        "a stopping listener aborts arriving files",
        "server/start/listener.py",
        "    await app.activity.finish_background_tasks(ABORT_SECONDS)\n",
        "",
        WHOLE,
    ),
    Mutant(
        "a delimiter in two pieces ends a file",
        "server/api/uploads/file_part.py",
        "(len(last) - at if is_partial else 0)",
        "0",
        ("tests/server/api/uploads/test_form.py", "tests/server/api/uploads/test_file_part.py"),
    ),
    Mutant(
        "a partial delimiter moves from one batch to the next",
        "server/api/uploads/file_part.py",
        "self._collecting.reset(self._batch_bytes or _batch_bytes(), batch.take_rest())",
        "self._collecting.reset(self._batch_bytes or _batch_bytes())",
        ("tests/server/api/uploads/test_form.py", "tests/server/api/uploads/test_file_part.py"),
    ),
    Mutant(
        "bytes that the parser holds back are not written to the file",
        "server/api/uploads/form.py",
        "return None if at >= 0 and may_end else self._content",
        "return self._content",
        ("tests/server/api/uploads/test_form.py",),
    ),
)
