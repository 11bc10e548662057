"""The file of a job that is kept elsewhere: read where it is, or copied into the job's folder."""

import errno
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.job_types.base import JobError, NotRetryable, UploadFile
from runner.remote.file import RemoteFile
from runner.remote.ranges import PIECE_BYTES, RemoteChanged, RemoteError, RemoteMissing


class RemoteUpload(UploadFile):
    """What can be read by a URL, which is good for this file alone and for some time."""

    def __init__(self, url: str, name: str, size: int) -> None:
        super().__init__(Path(), name, size)
        self._file = RemoteFile(url, size)
        self._copied = False

    @property
    def path(self) -> Path:
        """As UploadFile.path."""
        if not self._copied:
            self._path, self._copied = self._copy(), True
        return self._path

    def stored(self) -> RemoteFile:
        """As UploadFile.stored."""
        self._look()
        return self._file

    def open(self) -> io.RawIOBase:
        """As UploadFile.open; reading may raise OSError."""
        self._look()
        return self._file.open()

    def _look(self) -> None:
        with self._told():
            self._file.modified()

    def _copy(self) -> Path:
        self._look()
        with (
            self._told(),
            self._file.open() as source,
            tempfile.NamedTemporaryFile("wb", 0, prefix="upload-", delete=False) as copy,
        ):
            try:
                shutil.copyfileobj(source, copy, PIECE_BYTES)
            except OSError as error:
                if error.errno == errno.EFBIG:
                    raise self._unreadable(NotRetryable, "it is above JOB_FILE_BYTES") from error
                raise
        return Path(copy.name)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """A block of code in which what goes wrong afar becomes the job's error."""
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
