"""Settings of the worker, read from environment variables."""

import os
import re
from typing import Literal

from pydantic import Field, field_validator

from storage.records.queue_name import validate_queue_name
from storage.records.retention_rules import RetentionRule, parse_rules
from storage.settings.settings import Seconds, Size, listed
from storage.settings.traces import TraceSettings


class RunnerSettings(TraceSettings):
    """The settings of the worker, read from the environment. Durations are in seconds."""

    program = "worker"

    concurrency_limit: int = Field(
        3, ge=1, le=256, description="Jobs that run at once, each in a process of its own."
    )
    drain_seconds: Seconds = Field(
        20,
        ge=0,
        le=86400,
        description="How long running jobs may take to end when the worker stops. Then they are "
        "released, to run again.",
    )
    lease_seconds: Seconds = Field(
        30,
        ge=3,
        le=3600,
        description="On PostgreSQL, how long a worker may be silent before it counts as dead.",
    )
    retention_seconds: Seconds = Field(
        7 * 86400,
        ge=0,
        description="How long final jobs and their files are kept, unless RETENTION or the job "
        "itself says otherwise.",
    )
    retention: str = Field(
        "",
        description="Rules for how long final jobs are kept, such as failed:30d,type=analyze:12h,"
        "tag=audit:forever. The first one that matches a job counts.",
    )
    audit_keep_seconds: Seconds = Field(
        90 * 86400,
        ge=0,
        description="How long entries of the audit log are kept. 0: forever.",
    )
    backup_interval_seconds: Seconds = Field(
        86400,
        ge=60,
        le=31536000,
        description="With BACKUP_TO, how long after the begin of a backup the next one is made.",
    )
    backup_keep: int = Field(
        7, ge=1, le=10_000, description="With BACKUP_TO, how many backups are kept."
    )
    log_bytes: Size = Field(
        65536,
        ge=0,
        le=2**24,
        description="Maximum output that is kept of an attempt. 0: none is kept, and jobs print to "
        "the output of the worker.",
    )
    job_memory_bytes: Size | None = Field(
        None,
        ge=64 * 2**20,
        description="Maximum memory of each process of a job. Unset: no limit.",
    )
    job_cpu_seconds: int | None = Field(
        None,
        ge=1,
        le=10**9,
        description="Maximum CPU time of each process of a job. Unset: no limit.",
    )
    job_folder_bytes: Size = Field(
        2**30,
        ge=0,
        le=2**60,
        description="Maximum data that a job may keep in its work folder, and size of the largest "
        "file that it may write anywhere. 0: no limit.",
    )
    job_processes: int = Field(
        512,
        ge=0,
        le=2**22,
        description="Maximum processes and threads of a job, with its own process. 0: no limit.",
    )
    job_env: str = Field(
        "",
        description="Environment variables that jobs inherit from the worker, separated by commas. "
        "They always inherit PATH, TZ, and the variables for languages and Python.",
    )
    job_network: Literal["all", "none"] = Field(
        "all",
        description="none: jobs cannot use the network. A worker that cannot block it does not "
        "start, nor does one with uploads in S3, which its jobs could not read.",
    )
    job_read_paths: str = Field(
        "",
        description="Files and folders that jobs may read besides their file, their job types, "
        "Python and the system's programs, separated by commas. /: everything.",
    )
    job_write_paths: str = Field(
        "",
        description="Files and folders that jobs may read and write besides their folder and /tmp, "
        "separated by commas. /: everything.",
    )
    queues: str = Field(
        "",
        description="Names of the queues to take jobs from, separated by commas. Empty: all.",
    )

    @field_validator("retention")
    @classmethod
    def _check_retention(cls, value: str) -> str:
        parse_rules(value)
        return value

    @field_validator("job_env")
    @classmethod
    def _check_names(cls, value: str) -> str:
        for name in value.split(","):
            if name.strip() and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip()):
                raise ValueError(f"{name.strip()!r} is not the name of an environment variable")
        return value

    @field_validator("job_read_paths", "job_write_paths")
    @classmethod
    def _check_paths(cls, value: str) -> str:
        for path in listed(value):
            if not os.path.isabs(path):
                raise ValueError(f"{path} must begin with /")
            if not os.path.exists(path):
                raise ValueError(f"there is no {path}")
        return value

    @field_validator("queues")
    @classmethod
    def _check_queues(cls, value: str) -> str:
        for name in value.split(","):
            if name.strip():
                validate_queue_name(name.strip())
        return value

    @property
    def retention_rules(self) -> tuple[RetentionRule, ...]:
        """The rules in RETENTION."""
        return parse_rules(self.retention)

    @property
    def retention_ms(self) -> int:
        """How long final jobs are kept if no rule says otherwise, in milliseconds."""
        return round(self.retention_seconds * 1000)

    @property
    def audit_keep_ms(self) -> int | None:
        """How long entries of the audit log are kept, in milliseconds; None for forever."""
        return round(self.audit_keep_seconds * 1000) or None

    @property
    def queue_names(self) -> frozenset[str] | None:
        """The names in QUEUES. None for all queues."""
        return frozenset(listed(self.queues)) or None

    @property
    def job_env_names(self) -> list[str]:
        """The names in JOB_ENV."""
        return listed(self.job_env)

    @property
    def job_read_folders(self) -> tuple[str, ...]:
        """The paths in JOB_READ_PATHS."""
        return tuple(listed(self.job_read_paths))

    @property
    def job_write_folders(self) -> tuple[str, ...]:
        """The paths in JOB_WRITE_PATHS."""
        return tuple(listed(self.job_write_paths))
