"""Tries in a bucket what the programs do there, with an object of its own."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import obstore
from obstore.store import S3Store

from storage.files.bucket_access import open_bucket
from storage.files.bucket_objects import PART_BYTES, ObjectWriter, translate_errors
from storage.records.job import StoreUnavailable

if TYPE_CHECKING:
    from storage.settings.settings import Settings


def try_bucket(
    settings: "Settings", seconds: float, thorough: bool
) -> Iterator[tuple[str, str, str | None]]:
    """Yield for each operation its name, the permission that it needs, and what is wrong, if so.

    Stops after the first list or write that fails. `seconds` limits each request. `thorough` also
    sends an object in two parts. Raises StoreUnusable for a credentials file that cannot be read.
    """
    bucket, name = open_bucket(settings, seconds, seconds), f"doctor-{uuid4()}"
    trials: list[tuple[str, str, Callable[[], object]]] = [
        ("list", "s3:ListBucket", lambda: next(iter(obstore.list(bucket, chunk_size=1)), None)),
        ("write", "s3:PutObject", lambda: obstore.put(bucket, name, b"doctor")),
        ("read", "s3:GetObject", lambda: obstore.get(bucket, name).bytes()),
        ("copy", "s3:GetObject and s3:PutObject", lambda: obstore.copy(bucket, name, f"{name}-2")),
    ]
    if thorough:
        trials.append(("write in parts", "s3:PutObject", lambda: _write_parts(bucket, name)))
    trials.append(
        ("delete", "s3:DeleteObject", lambda: obstore.delete(bucket, [name, f"{name}-2"]))
    )
    for operation, permission, call in trials:
        try:
            with translate_errors():
                call()
        except StoreUnavailable as error:
            yield operation, permission, str(error)
            if operation in ("list", "write"):
                return
        else:
            yield operation, permission, None


def _write_parts(bucket: S3Store, name: str) -> None:
    writer = ObjectWriter(bucket, name)
    for _ in range(2):
        writer.write(bytes(PART_BYTES))
    writer.complete()
