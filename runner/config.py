"""Settings of the worker."""

import re

from pydantic import Field, field_validator

from storage.records.queue_name import validate_queue_name
from storage.settings.settings import Seconds
from storage.settings.traces import TraceSettings


class RunnerSettings(TraceSettings):
    """What the worker needs to know, from the environment. Durations are in seconds."""

    program = "worker"

    concurrency_limit: int = Field(
        3, ge=1, le=256, description="jobs that run at once, each in a process of its own"
    )
    drain_seconds: Seconds = Field(
        20, ge=0, le=86400, description="at a stop, how long running jobs may take to end"
    )
    lease_seconds: Seconds = Field(
        30, ge=3, le=3600, description="on PostgreSQL, after how long a silent worker is dead"
    )
    retention_seconds: Seconds = Field(
        7 * 86400, ge=0, description="how long final jobs and their files are kept"
    )
    jobs_per_process: int = Field(
        1000, ge=1, description="a job process is replaced after so many jobs"
    )
    log_bytes: int = Field(
        65536,
        ge=0,
        le=2**24,
        description="how much is kept of what an attempt prints; 0: nothing, it goes to the "
        "worker's own output",
    )
    max_data_bytes: int = Field(
        256 * 1024**3,
        ge=1,
        description="most data that a compressed file may become; above it, the job fails",
    )
    max_data_ratio: int = Field(
        1000,
        ge=1,
        le=10**9,
        description="most bytes of data for each byte of a compressed file, once the data is more "
        "than 1 GiB; above it, the job fails",
    )
    job_memory_bytes: int | None = Field(
        None, ge=64 * 2**20, description="most memory for each process of a job; unset: no limit"
    )
    job_cpu_seconds: int | None = Field(
        None,
        ge=1,
        le=10**9,
        description="most CPU time for each process of a job; unset: no limit",
    )
    job_open_files: int | None = Field(
        None,
        ge=32,
        le=10**6,
        description="most open files for each process of a job; unset: no limit",
    )
    job_file_bytes: int = Field(
        2**30, ge=0, le=2**60, description="largest file that a job may write; 0: no limit"
    )
    job_folder_bytes: int = Field(
        2**30,
        ge=0,
        le=2**60,
        description="most that a job may have in its work folder; 0: no limit",
    )
    job_processes: int = Field(
        512,
        ge=0,
        le=2**22,
        description="most processes and threads of a job, with its own; 0: no limit",
    )
    job_nice: int = Field(
        5, ge=0, le=19, description="by how much the priority of jobs is below the worker's"
    )
    job_env: str = Field(
        "",
        description="names of variables of the worker's environment that jobs get, separated by "
        "commas; besides PATH, TZ, and those for languages and Python",
    )

    parts_bytes: int = Field(
        2**30,
        ge=0,
        le=2**62,
        description="files of this size or more are analyzed in parts, by all workers that have "
        "free slots; 0: never",
    )
    queues: str = Field(
        "", description="names of the queues to take jobs from, separated by commas; empty: all"
    )

    @field_validator("job_env")
    @classmethod
    def _names(cls, value: str) -> str:
        for name in value.split(","):
            if name.strip() and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip()):
                raise ValueError(f"{name.strip()!r} is not the name of a variable")
        return value

    @field_validator("queues")
    @classmethod
    def _queue_names(cls, value: str) -> str:
        for name in value.split(","):
            if name.strip():
                validate_queue_name(name.strip())
        return value

    @property
    def queue_names(self) -> frozenset[str] | None:
        """The names in QUEUES, None for all queues."""
        names = {name.strip() for name in self.queues.split(",") if name.strip()}
        return frozenset(names) or None

    @property
    def job_env_names(self) -> list[str]:
        """The names in JOB_ENV."""
        return [name.strip() for name in self.job_env.split(",") if name.strip()]
