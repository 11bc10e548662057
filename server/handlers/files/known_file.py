"""`/files/sha256:HEX`: whether some job has a file with this hash."""

from server.documents.schemas.files import KnownFileDocument
from server.handlers.base import Handler
from server.jobs.stored_files import StoredFiles, parse_hash


class KnownFileHandler(Handler):
    """A file, by its hash. A caller may ask for the files of all jobs that it sees."""

    stored_files: StoredFiles
    ROUTE = "/files/{hash}"
    LIMITED = True

    async def get(self, hash: str) -> None:
        """Send its size, and one of the jobs that have it. Raises Problem 404."""
        job_id, file = await self.stored_files.get(parse_hash(hash), self.caller)
        document: KnownFileDocument = {
            "sha256": file.sha256,
            "size": file.size,
            "job_id": str(job_id),
        }
        self.send_json(document)

    head = get
