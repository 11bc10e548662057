"""Objects below a prefix of a bucket, for programs that name them like files of a folder."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

from storage.files.bucket_access import open_bucket
from storage.files.bucket_objects import translate_errors, write_object

if TYPE_CHECKING:
    from storage.settings.settings import Settings

_REQUEST_SECONDS, _RETRY_SECONDS = 60.0, 15.0
_READ_BYTES = 1024**2
_PAGE = 1000


class ObjectFolder:
    """Objects below a prefix. All methods raise StoreUnavailable if S3 fails."""

    def __init__(self, bucket: S3Store, url: str):
        self._bucket = bucket
        self._url = url

    @classmethod
    def open(cls, settings: "Settings") -> Self:
        """Open the bucket of UPLOADS_URL without sending a request. Raises StoreUnusable."""
        bucket = open_bucket(settings, _REQUEST_SECONDS, _RETRY_SECONDS)
        return cls(bucket, settings.uploads_url)

    def create(self, name: str, data: bytes) -> bool:
        """Write an object unless there is one; return whether it was written."""
        try:
            with self._errors(but=AlreadyExistsError):
                obstore.put(self._bucket, name, data, mode="create")
        except AlreadyExistsError:
            return False
        return True

    def write(self, name: str, data: Iterable[bytes]) -> None:
        """Write an object in place of one with this name. An error leaves none."""
        write_object(self._bucket, name, data, self._url)

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an object. Raises FileNotFoundError if there is none."""
        with self._errors(but=FileNotFoundError):
            found = obstore.get(self._bucket, name)
            yield from map(bytes, found.stream(min_chunk_size=_READ_BYTES))

    def age(self, name: str) -> float | None:
        """Return the seconds since an object was written; None if there is none."""
        try:
            with self._errors(but=FileNotFoundError):
                written = obstore.head(self._bucket, name)["last_modified"]
        except FileNotFoundError:
            return None
        return (datetime.now(UTC) - written).total_seconds()

    def names(self, folder: str) -> Iterator[str]:
        """Yield the names of all objects whose names begin with a folder."""
        with self._errors():
            for some in obstore.list(self._bucket, prefix=folder, chunk_size=_PAGE):
                yield from (each["path"] for each in some)

    def top(self) -> list[str]:
        """Return the names of the objects that are in no folder."""
        with self._errors():
            return [each["path"] for each in obstore.list_with_delimiter(self._bucket)["objects"]]

    def delete(self, names: Sequence[str]) -> None:
        """Delete objects that exist, a thousand in one request."""
        for first in range(0, len(names), _PAGE):
            with self._errors():
                obstore.delete(self._bucket, list(names[first : first + _PAGE]))

    def _errors(self, but: type[Exception] | None = None) -> AbstractContextManager[None]:
        """Translate errors, and name the place."""
        return translate_errors(but, self._url)
