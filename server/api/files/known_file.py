"""`/files/sha256:HEX`: whether some job has a file with this hash."""

from server.api.openapi.operation import Operation
from server.documents.schemas.file_schemas import KnownFileDocument
from server.handlers.base import Handler
from server.jobs.uploads.stored_files import StoredFiles, parse_hash


class KnownFileHandler(Handler):
    """A file, by its hash. A caller may ask for the files of all jobs that it sees."""

    stored_files: StoredFiles
    ROUTE = "/files/{hash}"
    LIMITED = True

    @Operation("findFile", "files", {200: KnownFileDocument})
    async def get(self, hash: str) -> None:
        """A file, by its hash.

        HEAD, too, tells whether a job has a file with this SHA-256, as its upload or as a file that
        it has left: then a submission can name it as `upload`, and the file need not be sent.
        """
        job_id, file = await self.stored_files.get(parse_hash(hash), self.caller)
        document: KnownFileDocument = {
            "sha256": file.sha256,
            "size": file.size,
            "job_id": str(job_id),
        }
        self.send_json(document)
