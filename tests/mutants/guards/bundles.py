"""Guards of bundles, on the side of the service and of the client."""

from tests.mutants.mutant import Mutant

API = ("tests/server/api/files/test_bundle.py",)
CLIENT = ("tests/client/test_bundles.py",)

BUNDLES = (
    Mutant(
        "files are in a bundle only if they are asked for",
        "server/api/files/bundle.py",
        "return [*found, *self._files(job)] if with_files else found",
        "return [*found, *self._files(job)]",
        API,
    ),
    Mutant(
        "a replay does not name a job of the service that the bundle is from",
        "client/jobservice/bundles.py",
        '            del payload["source"]',
        "            pass",
        CLIENT,
    ),
    Mutant(
        "a job with a file is not replayed without it",
        "client/jobservice/bundles.py",
        "        if not self.has_upload:\n",
        "        if False:\n",
        CLIENT,
    ),
    Mutant(
        "a bundle of a newer format is refused",
        "client/jobservice/bundles.py",
        "    if format > FORMAT:\n",
        "    if False:\n",
        CLIENT,
    ),
    Mutant(
        "a huge document is not read",
        "client/jobservice/bundles.py",
        "    if archive.getinfo(name).file_size > MAX_DOCUMENT_BYTES:\n",
        "    if False:\n",
        CLIENT,
    ),
)
