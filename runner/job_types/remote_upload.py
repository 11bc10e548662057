"""An uploaded file in remote storage: read over the network, or copied into the work folder."""

import errno
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.job_types.base import JobError, NotRetryable, UploadFile
from runner.remote.file import RemoteChanged, RemoteError, RemoteFile, RemoteMissing

_COPY_BYTES = 1 << 20


class RemoteUpload(UploadFile):
    """An uploaded file behind a URL. The URL works for this file only, and for a limited time."""

    def __init__(self, url: str, name: str, size: int) -> None:
        super().__init__(Path(), name, size)
        self._file = RemoteFile(url, size)
        self._copied = False

    @property
    def path(self) -> Path:
        """The path of a copy in the work folder, made at the first access. Raises JobError."""
        if not self._copied:
            self._path, self._copied = self._copy(), True
        return self._path

    def stored(self) -> RemoteFile:
        """Return a source for `loganalysis` that reads by range requests. Raises as `open`."""
        self._check()
        return self._file

    def open(self) -> io.RawIOBase:
        """Open the file for reading over the network.

        Raises NotRetryable if the file is missing or its size has changed since the upload, and
        JobError if the network fails. Reading can raise OSError.
        """
        self._check()
        return self._file.open()

    def _check(self) -> None:
        """Raise the right JobError if the file cannot be read."""
        with self._as_job_errors():
            self._file.modified()

    def _copy(self) -> Path:
        self._check()
        with (
            self._as_job_errors(),
            self._file.open() as source,
            tempfile.NamedTemporaryFile("wb", 0, prefix="upload-", delete=False) as copy,
        ):
            try:
                shutil.copyfileobj(source, copy, _COPY_BYTES)
            except OSError as error:
                if error.errno == errno.EFBIG:
                    raise self._unreadable(
                        NotRetryable, "it is larger than JOB_FOLDER_BYTES"
                    ) from error
                raise
        return Path(copy.name)

    @contextmanager
    def _as_job_errors(self) -> Iterator[None]:
        """Turn errors of the remote storage into errors of the job."""
        try:
            yield
        except RemoteChanged as error:
            text = f"upload {self.name!r} has {error.size} bytes instead of {self.size}"
            raise NotRetryable(text) from error
        except RemoteMissing as error:
            raise self._unreadable(NotRetryable, str(error)) from error
        except RemoteError as error:
            raise self._unreadable(JobError, str(error)) from error

    def _unreadable(self, kind: type[JobError], reason: str) -> JobError:
        return kind(f"cannot read upload {self.name!r}: {reason}")
