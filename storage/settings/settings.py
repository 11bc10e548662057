"""Settings of the store, and how every program reads its settings.

Each program has one frozen settings class, a subclass of `Settings`. A field `concurrency_limit` is
read from the environment variable CONCURRENCY_LIMIT. All problems are reported at once. A field
with `repr=False` holds a secret, which is never shown.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar
from urllib.parse import unquote, urlparse

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from storage.settings.url import is_postgresql, url_problem

T = TypeVar("T", bound="Settings")
Seconds = Annotated[float, Field(allow_inf_nan=False)]
"""A duration in seconds."""


class SettingsError(Exception):
    """The problems with the environment, one per line."""


class Settings(BaseModel):
    """The settings that all programs share."""

    program: ClassVar[str] = "tool"
    """Name of the program, part of the application name that PostgreSQL shows."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=str.upper, hide_input_in_errors=True
    )

    data_dir: Path = Field(Path("data"), description="folder of the database and the uploads")
    database_url: str = Field(
        "",
        repr=False,  # it may contain a password
        description="sqlite:////path or postgresql://…; empty: jobs.db in DATA_DIR",
    )
    listen_url: str = Field(
        "",
        repr=False,
        description="address of the same PostgreSQL without a pooler, for LISTEN and migrations, "
        "which need a session; empty: DATABASE_URL",
    )
    uploads_url: str = Field(
        "", description="file:///path or s3://bucket/prefix; empty: uploads in DATA_DIR"
    )
    aws_endpoint_url: str = Field(
        "", description="with s3://: address of a server other than AWS, as in https://minio:9000"
    )
    aws_region: str = Field("", description="with s3://: region of the bucket; empty: us-east-1")
    aws_access_key_id: str = Field("", description="with s3://: id of the access key")
    aws_secret_access_key: str = Field("", repr=False, description="with s3://: its secret")
    aws_session_token: str = Field(
        "", repr=False, description="with s3://: session token of a temporary access key"
    )
    aws_shared_credentials_file: Path | None = Field(
        None, description="with s3://: AWS credentials file; its profile [default] is used"
    )
    job_types: str = Field(
        "runner.job_types", description="packages or modules of job types, separated by commas"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="minimum level of log messages"
    )
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="auto: text on a terminal, json otherwise"
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: str) -> str:
        return value.upper()

    @field_validator("listen_url")
    @classmethod
    def _both_postgresql(cls, value: str, info: ValidationInfo) -> str:
        urls = value, info.data.get("database_url", "")
        if value and not all(map(is_postgresql, urls)):
            raise ValueError("it must start with postgresql://, and so must DATABASE_URL")
        return value

    @field_validator("database_url", "listen_url")
    @classmethod
    def _valid_database_url(cls, value: str) -> str:
        if problem := value and url_problem(value):
            raise ValueError(problem)
        return value

    @field_validator("uploads_url")
    @classmethod
    def _valid_uploads_url(cls, value: str) -> str:
        url = urlparse(value)
        if not value or (url.scheme == "file" and not url.netloc and url.path.startswith("/")):
            return value
        if url.scheme == "s3" and url.netloc and not (url.query or url.fragment):
            return value
        raise ValueError("it must be file:///path or s3://bucket/prefix")

    @field_validator("aws_endpoint_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if value and urlparse(value).scheme not in {"http", "https"}:
            raise ValueError("it must start with https:// or http://")
        return value

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return the settings from the environment. An empty variable counts as not set.

        A secret can be given in a file, named by the variable with the suffix `_FILE`. Raises
        SettingsError with every problem: name, value unless it is secret, and the allowed values.
        """
        given = {name: value for name, value in environ.items() if value.strip()}
        lines = [*cls._take_files(given)]
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            lines += [cls._problem(found, given) for found in error.errors()]
        if lines:
            raise SettingsError("\n".join(lines))
        return settings

    @classmethod
    def _take_files(cls, given: dict[str, str]) -> Iterator[str]:
        """Read the secrets that are given in files into `given`; yield the problems."""
        for name, file in [(name, f"{name}_FILE") for name in cls.secrets()]:
            if file not in given:
                continue
            if name in given:
                yield f"{file}={given[file]}: give either {name} or {file}, not both"
                continue
            try:
                given[name] = Path(given[file]).read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                yield f"{file}={given[file]}: it cannot be read: {error}"
                continue
            if not given[name]:
                yield f"{file}={given[file]}: it is empty"

    @classmethod
    def secrets(cls) -> list[str]:
        """Variables of secrets that can be given with the suffix `_FILE`. API_TOKENS is not among
        them, because API_TOKENS_FILE is a setting of its own."""
        fields = cls.model_fields.items()
        names = [name for name, field in fields if not field.repr]
        return [name.upper() for name in names if f"{name}_file" not in cls.model_fields]

    @classmethod
    def _problem(cls, error: Any, given: Mapping[str, str]) -> str:
        name = error["loc"][0]
        message = error["msg"].removeprefix("Value error, ")
        shown = f"={given[name]}" if cls.model_fields[name.lower()].repr else ""
        return f"{name}{shown}: {message[0].lower()}{message[1:]}"

    @property
    def store_url(self) -> str:
        """DATABASE_URL, or the SQLite file in DATA_DIR."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'jobs.db'}"

    @property
    def uploads_folder(self) -> Path | None:
        """The folder of UPLOADS_URL, or `uploads` in DATA_DIR; None for a bucket."""
        url = urlparse(self.uploads_url)
        if url.scheme == "s3":
            return None
        return Path(unquote(url.path)) if url.path else self.data_dir / "uploads"

    @property
    def job_type_packages(self) -> list[str]:
        """The module names in JOB_TYPES."""
        return [name.strip() for name in self.job_types.split(",") if name.strip()]

    @classmethod
    def help(cls) -> str:
        """A line for each setting with its default, for --help."""
        rows = [(n.upper(), f.default, f.description) for n, f in cls.model_fields.items()]
        files = [(f"{name}_FILE", None, f"file that holds {name}") for name in cls.secrets()]
        rows += files
        names = max(len(name) for name, _, _ in rows)
        return "\n".join(
            f"  {name:<{names}}  {text}"
            + (f" (default: {default})" if default not in ("", None) else "")
            for name, default, text in rows
        )


def read_or_exit(cls: type[T]) -> T:
    """Return the settings of a program. If they are invalid, print every problem on stderr and exit
    with code 1."""
    try:
        return cls.read()
    except SettingsError as error:
        sys.exit(f"cannot start, invalid settings:\n{error}")
