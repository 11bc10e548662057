"""Settings of the worker, read from environment variables."""

import re

from pydantic import Field, field_validator

from storage.records.queue_name import validate_queue_name
from storage.settings.settings import Seconds
from storage.settings.traces import TraceSettings


class RunnerSettings(TraceSettings):
    """The settings of a worker. Durations are in seconds, sizes in bytes."""

    program = "worker"

    concurrency_limit: int = Field(
        3, ge=1, le=256, description="number of jobs that run at once, each in a process of its own"
    )
    drain_seconds: Seconds = Field(
        20, ge=0, le=86400, description="time that running jobs get to end when the worker stops"
    )
    lease_seconds: Seconds = Field(
        30,
        ge=3,
        le=3600,
        description="on PostgreSQL, time after which a silent worker counts as dead",
    )
    retention_seconds: Seconds = Field(
        7 * 86400, ge=0, description="time that final jobs and their files are kept"
    )
    jobs_per_process: int = Field(
        1000, ge=1, description="number of jobs after which a job process is replaced"
    )
    log_bytes: int = Field(
        65536,
        ge=0,
        le=2**24,
        description="most bytes of output kept for each attempt; 0: none, jobs print to the "
        "worker's own output",
    )
    max_data_bytes: int = Field(
        256 * 1024**3,
        ge=1,
        description="most bytes that a compressed file may expand to; above it, the job fails",
    )
    max_data_ratio: int = Field(
        1000,
        ge=1,
        le=10**9,
        description="highest ratio of expanded to compressed bytes of a file that expands to more "
        "than 1 GiB; above it, the job fails",
    )
    job_memory_bytes: int | None = Field(
        None, ge=64 * 2**20, description="most memory of each process of a job; unset: no limit"
    )
    job_cpu_seconds: int | None = Field(
        None,
        ge=1,
        le=10**9,
        description="most CPU time of each process of a job; unset: no limit",
    )
    job_open_files: int | None = Field(
        None,
        ge=32,
        le=10**6,
        description="most open files of each process of a job; unset: no limit",
    )
    job_file_bytes: int = Field(
        2**30,
        ge=0,
        le=2**60,
        description="size of the largest file that a job may write; 0: no limit",
    )
    job_folder_bytes: int = Field(
        2**30,
        ge=0,
        le=2**60,
        description="most bytes that a job may keep in its work folder; 0: no limit",
    )
    job_processes: int = Field(
        512,
        ge=0,
        le=2**22,
        description="most processes and threads of a job, including its own; 0: no limit",
    )
    job_nice: int = Field(
        5,
        ge=0,
        le=19,
        description="nice value of jobs: how far their priority is below the worker's",
    )
    job_env: str = Field(
        "",
        description="environment variables that the worker passes on to jobs, separated by commas; "
        "PATH, TZ, and the variables of locales and Python are passed on always",
    )

    parts_bytes: int = Field(
        2**30,
        ge=0,
        le=2**62,
        description="size from which files are analyzed in parts, by all workers with free slots; "
        "0: never",
    )
    queues: str = Field("", description="queues to take jobs from, separated by commas; empty: all")

    @field_validator("job_env")
    @classmethod
    def _names(cls, value: str) -> str:
        for name in value.split(","):
            if name.strip() and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip()):
                raise ValueError(f"{name.strip()!r} is not the name of an environment variable")
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
        """The names in QUEUES; None means all queues."""
        names = {name.strip() for name in self.queues.split(",") if name.strip()}
        return frozenset(names) or None

    @property
    def job_env_names(self) -> list[str]:
        """The names in JOB_ENV."""
        return [name.strip() for name in self.job_env.split(",") if name.strip()]
