"""Reading objects of a bucket: each read is one request for a range of bytes.

One request for the whole object would end with the timeout of requests while a client reads slowly.
obstore repeats a request that fails.
"""

import obstore
from obstore.store import S3Store

from storage.files.bucket_objects import translate_errors
from storage.files.reading import FileReader


class BucketReader(FileReader):
    """Reads an object from `start` up to `end`."""

    def __init__(self, bucket: S3Store, name: str, start: int, end: int):
        self._bucket, self._name = bucket, name
        self._at, self._end = start, end

    def fileno(self) -> None:
        """None: the object is not on this machine."""

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""
        end = min(self._at + size, self._end)
        if end <= self._at:
            return b""
        with translate_errors():
            data = obstore.get_range(self._bucket, self._name, start=self._at, end=end)
        self._at += len(data)
        return bytes(data)

    def close(self) -> None:
        """Do nothing: no request is open between two reads."""
