"""Files of jobs, stored as a worker stores them, but without one."""

import hashlib
import os
from collections.abc import Mapping
from uuid import UUID, uuid4

from storage.files.artifacts import Artifacts, FolderArtifacts
from storage.jobs.transitions import Settlement
from storage.records.job import Fence
from storage.records.job_file import ArtifactKey, JobFile
from storage.records.media_types import media_type_of
from storage.records.states import COMPLETE
from tests.support.programs import Service
from tests.support.stores import RETURNED, Bench, Holder, open_bench


def store_file(
    artifacts: Artifacts, fence: Fence, name: str, data: bytes, position: int = 0
) -> JobFile:
    """Store the bytes of a file of a running attempt; returns its row."""
    key = ArtifactKey(fence.job_id, fence.attempt, uuid4())
    writer = artifacts.writer(key)
    writer.write(data)
    writer.finish()
    artifacts.sync()
    digest = hashlib.sha256(data).hexdigest()
    size, kind = len(data), media_type_of(name)
    return JobFile(key.job_id, name, position, size, kind, digest, key.file_id, key.attempt)


def complete_with_files(bench: Bench, runner: Holder, files: Mapping[str, bytes]) -> UUID:
    """Run the only job that is due: it succeeds and leaves these files. Returns its id."""
    fence = runner.claim_one()
    artifacts = bench.store.artifacts
    stored = [
        store_file(artifacts, fence, name, files[name], position)
        for position, name in enumerate(sorted(files))
    ]
    settled = Settlement(COMPLETE, fence, RETURNED, {"result": "1"}, files=stored)
    assert runner.claims.settle(settled) == [True]
    return fence.job_id


def stored_keys(bench: Bench) -> set[ArtifactKey]:
    """The keys of all bytes that are stored in the folder."""
    artifacts = bench.store.artifacts
    assert isinstance(artifacts, FolderArtifacts)
    names = (
        path.name for path in artifacts.path(ArtifactKey(uuid4(), 1, uuid4())).parent.iterdir()
    )
    return {key for name in names if (key := ArtifactKey.parse(name))}


def leave_files(service: Service, files: Mapping[str, bytes]) -> str:
    """Submit a job to a service without a worker: it succeeds and leaves these files. Returns its
    id."""
    service.call("PUT", "/queues/files", {})
    job_id = service.submit("sleep", {"seconds": 5}, queue="files")
    with open_bench("", service.folder) as bench:
        assert str(complete_with_files(bench, bench.runner({"files"}), files)) == job_id
    return job_id


def leave_large_file(service: Service, name: str, size: int) -> str:
    """Submit a job as `leave_files`: it leaves one file of this many bytes. Returns its id."""
    job_id = service.submit("sleep", {"seconds": 5})
    with open_bench("", service.folder) as bench:
        runner = bench.runner()
        fence, piece = runner.claim_one(), os.urandom(1 << 20)
        key = ArtifactKey(fence.job_id, fence.attempt, uuid4())
        writer, digest = bench.store.artifacts.writer(key), hashlib.sha256()
        for at in range(0, size, len(piece)):
            data = piece[: size - at]
            writer.write(data)
            digest.update(data)
        writer.finish()
        file = JobFile(
            *(key.job_id, name, 0, size, media_type_of(name), digest.hexdigest()),
            *(key.file_id, key.attempt),
        )
        settled = Settlement(COMPLETE, fence, RETURNED, {"result": "1"}, files=[file])
        assert runner.claims.settle(settled) == [True]
    return job_id
