"""Receives the file of a dry run, and keeps none of it."""

from storage.files.uploads import UploadWriter
from storage.records.ids import new_id
from storage.records.job import Upload


class DiscardingWriter(UploadWriter):
    """Counts the bytes of a file, and drops them."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Count the bytes."""
        self.size += len(data)

    def finish(self, name: str, sha256: str) -> Upload:
        """Describe the file as if it was stored."""
        return Upload(new_id(), name, self.size, sha256)

    def abort(self) -> None:
        """Do nothing: there is no file."""
