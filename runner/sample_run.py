"""Runs one job on a sample, in a pool of processes as a worker has, but without a store."""

import contextlib
import json
import os
import select
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

from runner.config import RunnerSettings
from runner.files.folder import FileLimits
from runner.files.names import InvalidFiles
from runner.files.store import store_files
from runner.isolation import job_access
from runner.pool.linux.work_folders import FILE_FROM_WORK, RunnerFolder
from runner.pool.pool import Pool, PoolError
from runner.worker import call_limits, entry_loader
from storage.files.artifacts import FolderArtifacts
from storage.files.folder import FILES
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job_file import JobFile
from storage.records.json_values import Json
from storage.settings.stop_signals import StopSignals

CALL = "sample"
_WAIT_SECONDS = 0.5
_SHORT = 80
"""The most characters of a result that is shown in one line."""
_PLACE = "/var/tmp"
"""Where its folder is. Jobs may write to /tmp, but not if that has the folder."""

Show = Callable[[str, str], None]
"""Prints a text after a label."""


@dataclass(frozen=True)
class Sample:
    """A job to run: its type, its payload, its file, and seconds after which it is killed.

    `output` is the folder for the files that it leaves; None if they are only listed.
    """

    type: str
    payload: Json
    file: Path | None = None
    timeout: float | None = None
    output: Path | None = None


def run_sample(
    settings: RunnerSettings,
    packages: Sequence[str],
    sample: Sample,
    signals: StopSignals,
    show: Show,
) -> int:
    """Run a job, and show its progress, output, files and result. Returns the exit code.

    The job has the limits and the isolation that the settings give to jobs of a worker.
    """
    place = _PLACE if os.access(_PLACE, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="job-service-sample-", dir=place) as folder:
        own = settings.model_copy(update={"data_dir": Path(folder), "uploads_url": ""})
        try:
            with _open_pool(own, settings.data_dir, packages) as (pool, work):
                outcome = _run(pool, own, sample, signals, show)
                if outcome is None:
                    return 130
                return _show_end(own, work, sample, outcome, show)
        except PoolError as error:
            show("error", str(error))
            return 1


@contextlib.contextmanager
def _open_pool(
    settings: RunnerSettings, data_dir: Path, packages: Sequence[str]
) -> Iterator[tuple[Pool, RunnerFolder]]:
    """Yield a pool of one process, and its work folder. Jobs cannot read `data_dir`."""
    with contextlib.closing(RunnerFolder(settings.data_dir / "work")) as work:
        access = job_access(settings, None, work)
        pool = Pool(
            1,
            entry_loader(settings, packages),
            work,
            limits=call_limits(settings),
            access=replace(access, protected=(*access.protected, str(data_dir.absolute()))),
        )
        with contextlib.closing(pool):
            yield pool, work


def _run(
    pool: Pool, settings: RunnerSettings, sample: Sample, signals: StopSignals, show: Show
) -> AttemptOutcome | None:
    """Run the job; returns its outcome, None after a stop signal."""
    file = _share(settings, sample.file) if sample.file else None
    upload = sample.file and {
        "path": f"{FILE_FROM_WORK}/{file}",
        "name": sample.file.name,
        "size": sample.file.stat().st_size,
    }
    request = {"job_id": str(UUID(int=0)), "attempt": 1, "type": sample.type}
    request |= {"payload": sample.payload, "upload": upload, "cores": os.cpu_count() or 1}
    pool.submit(CALL, json.dumps(request), sample.timeout, file, job_type=sample.type)
    while not signals.received():
        pool.beat()
        select.select([*pool.filenos(), signals.fileno()], [], [], _WAIT_SECONDS)
        collected = pool.collect()
        for pieces in collected.output.values():
            text = b"".join(piece.text for piece in pieces).decode(errors="replace")
            show("output", text)
        for progress in collected.progress.values():
            show("progress", progress)
        for _, outcome in collected.outcomes:
            return outcome
    return None


def _share(settings: RunnerSettings, file: Path) -> str:
    """Let jobs be given a file; returns its name in the folder of shared files."""
    assert settings.uploads_folder
    folder, name = settings.uploads_folder / FILES, str(uuid4())
    folder.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file, folder / name)
    except OSError:  # it is on another disk
        shutil.copyfile(file, folder / name)
    return name


def _show_end(
    settings: RunnerSettings,
    work: RunnerFolder,
    sample: Sample,
    outcome: AttemptOutcome,
    show: Show,
) -> int:
    """Show how the job has ended. Returns the exit code."""
    code = 0 if outcome.kind == "returned" else 1
    if outcome.traceback and "  File " in outcome.traceback:
        show("traceback", outcome.traceback)
    if outcome.error_type is not None:
        retry = "" if outcome.retryable else " (the job would not be retried)"
        show("error", f"{outcome.error_type}: {outcome.error_message}{retry}")
    if outcome.has_files:
        try:
            for file in _take_files(settings, work, sample.output):
                show("file", f"{file.name}  {file.size} bytes  {file.media_type}")
        except (InvalidFiles, OSError) as error:
            show("error", f"the files of the job were not stored: {error}")
            code = 1
    if outcome.result is not None:
        indent = 2 if len(outcome.result) > _SHORT else None
        show("result", json.dumps(json.loads(outcome.result), indent=indent, ensure_ascii=False))
    memory = f", {outcome.peak_memory_bytes >> 20} MiB" if outcome.peak_memory_bytes else ""
    cpu = f", {outcome.cpu_seconds:.2f} s of CPU" if outcome.cpu_seconds is not None else ""
    show("ended", f"{outcome.kind} after {outcome.seconds:.2f} s{cpu}{memory}")
    return code


def _take_files(settings: RunnerSettings, work: RunnerFolder, output: Path | None) -> list[JobFile]:
    """Store the files that the job has left as a worker does, and move them to `output`."""
    assert settings.uploads_folder
    artifacts = FolderArtifacts(settings.uploads_folder)
    limits = FileLimits(total_bytes=settings.job_folder_bytes or None)
    kept = work.open_kept(CALL)
    try:
        files = store_files(artifacts, kept, UUID(int=0), 1, limits)
    finally:
        os.close(kept)
        work.discard_kept(CALL)
    for file in files if output else ():
        assert output
        target = output / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(artifacts.path(file.key), target)
    return files
