"""Settings of the store, and how settings are read for every program.

A program has one frozen settings class, a subclass of `Settings`; a field `concurrency_limit`
is the environment variable CONCURRENCY_LIMIT. All problems are reported at once. A field with
`repr=False` holds a secret: it is shown nowhere.
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
"""A length of time as settings give it."""


class SettingsError(Exception):
    """What is wrong with the environment, one line a problem."""


class Settings(BaseModel):
    """What the listener and the worker both need to know."""

    program: ClassVar[str] = "tool"
    """What PostgreSQL shows of its connections."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=str.upper, hide_input_in_errors=True
    )

    data_dir: Path = Field(Path("data"), description="folder of the database and the uploads")
    database_url: str = Field(
        "",
        repr=False,  # it may have a password
        description="sqlite:////path or postgresql://…; empty: jobs.db in DATA_DIR",
    )
    listen_url: str = Field(
        "",
        repr=False,
        description="address of the same PostgreSQL past a pooler, for what needs a session: "
        "LISTEN, and migrations; empty: DATABASE_URL",
    )
    uploads_url: str = Field(
        "", description="file:///path or s3://bucket/prefix; empty: uploads in DATA_DIR"
    )
    aws_endpoint_url: str = Field(
        "", description="with s3://: address of what is not S3 at AWS, as in https://minio:9000"
    )
    aws_region: str = Field("", description="with s3://: region of the bucket; empty: us-east-1")
    aws_access_key_id: str = Field("", description="with s3://: the key to sign requests with")
    aws_secret_access_key: str = Field("", repr=False, description="with s3://: its secret")
    aws_session_token: str = Field(
        "", repr=False, description="with s3://: the token of a key for some time"
    )
    aws_shared_credentials_file: Path | None = Field(
        None, description="with s3://: file with these three in [default], instead of them"
    )
    job_types: str = Field(
        "runner.job_types", description="packages or modules of job types, separated by commas"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least level that is logged"
    )
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="auto: text at a terminal, json otherwise"
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: str) -> str:
        return value.upper()

    @field_validator("listen_url")
    @classmethod
    def _same_kind(cls, value: str, info: ValidationInfo) -> str:
        urls = value, info.data.get("database_url", "")
        if value and not all(map(is_postgresql, urls)):
            raise ValueError("it must start with postgresql://, and so must DATABASE_URL")
        return value

    @field_validator("database_url", "listen_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if wrong := value and url_problem(value):
            raise ValueError(wrong)
        return value

    @field_validator("uploads_url")
    @classmethod
    def _known_place(cls, value: str) -> str:
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
        """The settings from the environment; an empty variable counts as not set.

        A secret may be in a file, named by the variable with `_FILE` after its name.
        Raises SettingsError with every problem: name, value unless it is secret, and what is
        allowed.
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
        """Put the secrets that are in files among the settings; what is wrong with them."""
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
        """The names of variables that hold secrets and may be given by files; of tokens, a file
        is a setting of its own."""
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
        """That of UPLOADS_URL, or the one in DATA_DIR; None for a bucket."""
        url = urlparse(self.uploads_url)
        if url.scheme == "s3":
            return None
        return Path(unquote(url.path)) if url.path else self.data_dir / "uploads"

    @property
    def job_type_packages(self) -> list[str]:
        """The names in JOB_TYPES."""
        return [name.strip() for name in self.job_types.split(",") if name.strip()]

    @classmethod
    def help(cls) -> str:
        """All settings with their defaults, one a line, for --help."""
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
    """The settings of a program, or every problem on stderr and exit code 2."""
    try:
        return cls.read()
    except SettingsError as error:
        sys.exit(f"cannot start, settings are wrong:\n{error}")
