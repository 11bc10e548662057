"""The settings that all programs share, and how settings are read.

Each program has one frozen settings class, a subclass of `Settings`. Its field `concurrency_limit`
is read from the environment variable CONCURRENCY_LIMIT. All problems are reported at once. A field
with `repr=False` holds a secret, and is never shown.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar
from urllib.parse import unquote, urlparse

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from storage.settings.problem_texts import problem_text
from storage.settings.url import (
    backup_place_problem,
    is_postgresql,
    uploads_url_problem,
    url_problem,
)

T = TypeVar("T", bound="Settings")
Seconds = Annotated[float, Field(allow_inf_nan=False)]
"""A duration in seconds. Not infinite."""
_SECRET_BYTES = 65536

BUILT_IN_JOB_TYPES = "runner.job_types"
JOB_TYPES_FOLDER = "job_types"


_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([kmgt])(?:i?b)?")


def parse_size(value: Any) -> Any:
    """Return the bytes of a text such as 128m, as Docker reads it. Raises ValueError."""
    text = str(value).strip().lower()
    if value is None or text.lstrip("+-").isdecimal():
        return value
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError("it must be a number of bytes, or have a unit of k, m, g or t: 128m")
    return int(float(found[1]) * 1024 ** (1 + "kmgt".index(found[2])))


Size = Annotated[int, BeforeValidator(parse_size)]
"""A number of bytes. Also read from texts such as 128m, 2g or 1.5GiB, in powers of 1024."""


class SettingsError(Exception):
    """Invalid settings: one line for each problem."""


class Settings(BaseModel):
    """The settings that the listener and the worker share."""

    program: ClassVar[str] = "tool"
    """The application name that PostgreSQL shows for its connections."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=str.upper, hide_input_in_errors=True
    )

    data_dir: Path = Field(Path("data"), description="Folder of the database and the uploads.")
    database_url: str = Field(
        "",
        repr=False,  # it may have a password
        description="Database: sqlite:////path or postgresql://user@host/name. Empty: the SQLite "
        "file jobs.db in DATA_DIR.",
    )
    listen_url: str = Field(
        "",
        repr=False,
        description="Address of the PostgreSQL server itself, if DATABASE_URL leads to a pooler. "
        "LISTEN and migrations use it, because they need a session. Empty: DATABASE_URL.",
    )
    uploads_url: str = Field(
        "",
        description="Place of uploaded files: file:///path or s3://bucket/prefix. Empty: the "
        "folder uploads in DATA_DIR.",
    )
    aws_endpoint_url: str = Field(
        "",
        description="With s3://, the address of an S3 service other than AWS, such as "
        "https://minio:9000. Empty: AWS.",
    )
    aws_region: str = Field(
        "", description="With s3://, the region of the bucket. Empty: us-east-1."
    )
    aws_access_key_id: str = Field(
        "",
        description="With s3://, the id of the access key. Empty: the role of the machine or "
        "container.",
    )
    aws_secret_access_key: str = Field(
        "", repr=False, description="With s3://, the secret of the access key."
    )
    aws_shared_credentials_file: Path | None = Field(
        None,
        description="With s3://, a file with access key, secret and session token in its section "
        "[default], instead of these settings.",
    )
    backup_to: str = Field(
        "",
        description="Place of backups: a folder or s3://bucket/prefix. Workers make them every "
        "BACKUP_INTERVAL_SECONDS. Empty: none are made, except by `python -m storage backup`.",
    )
    backup_pace: float | None = Field(
        None,
        ge=0.01,
        le=1,
        description="Part of the time in which a backup works; in the rest, the programs of the "
        "store have disk and processors to themselves. 1: without rests. Unset: 0.2, and 0.5 into "
        "a bucket.",
    )
    job_types: str = Field(
        "",
        description="Packages or modules of job types, separated by commas, besides the built-in "
        "ones. -NAME leaves out a built-in job type. Listener and worker need equal values.",
    )
    job_types_folder: str = Field(
        "",
        description="Folder whose Python files are job types. Empty: the folder job_types in the "
        "current directory, if there is one.",
    )
    commands_file: str = Field(
        "",
        description="JSON file of commands, each of which is a job type that runs a program. "
        "Listener and worker need equal files.",
    )
    more_job_types: str = Field(
        "",
        description="Adds to JOB_TYPES. The compose file passes its JOB_TYPES on as this, so that "
        "the JOB_TYPES of an image stay in force.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Lowest level that is logged: DEBUG, INFO, WARNING or ERROR."
    )
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="Format of the log: text, json, or auto, which is text at a terminal."
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _to_upper_case(cls, value: str) -> str:
        return value.upper()

    @field_validator("listen_url")
    @classmethod
    def _check_listen_url(cls, value: str, info: ValidationInfo) -> str:
        urls = value, info.data.get("database_url", "")
        if value and not all(map(is_postgresql, urls)):
            raise ValueError("it must start with postgresql://, and so must DATABASE_URL")
        return value

    @field_validator("job_types_folder")
    @classmethod
    def _check_types_folder(cls, value: str) -> str:
        if value and not os.path.isdir(value):
            raise ValueError("there is no such folder")
        return value

    @field_validator("commands_file")
    @classmethod
    def _check_commands_file(cls, value: str) -> str:
        if value and not os.path.isfile(value):
            raise ValueError("there is no such file")
        return value

    @field_validator("database_url", "listen_url")
    @classmethod
    def _check_database(cls, value: str) -> str:
        if wrong := value and url_problem(value):
            raise ValueError(wrong)
        return value

    @field_validator("uploads_url")
    @classmethod
    def _check_uploads(cls, value: str) -> str:
        if wrong := value and uploads_url_problem(value):
            raise ValueError(wrong)
        return value

    @field_validator("backup_to")
    @classmethod
    def _check_backups(cls, value: str) -> str:
        if wrong := value and backup_place_problem(value):
            raise ValueError(wrong)
        if value.endswith(".tar.zst"):
            raise ValueError("a file has one backup: it must be a folder or s3://bucket/prefix")
        return value

    @field_validator("aws_endpoint_url")
    @classmethod
    def _check_endpoint(cls, value: str) -> str:
        if value and urlparse(value).scheme not in {"http", "https"}:
            raise ValueError("it must start with https:// or http://")
        return value

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the settings from the environment. An empty variable counts as not set.

        A secret NAME may be given in a file, whose path is the variable NAME_FILE. Raises
        SettingsError, which lists for every problem the name, the value unless it is secret, and
        what is allowed.
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
        """Add the secrets that files contain to `given`. Yields one line for each problem."""
        for name, file in [(name, f"{name}_FILE") for name in cls.secrets()]:
            if file not in given:
                continue
            if name in given:
                yield f"{file}={given[file]}: give either {name} or {file}, not both"
                continue
            try:
                given[name] = _read_secret(given[file])
            except ValueError as error:
                yield f"{file}={given[file]}: {error}"

    @classmethod
    def secrets(cls) -> list[str]:
        """The variables that hold secrets and may be given as files. API_TOKENS is none of them:
        API_TOKENS_FILE is a setting of its own."""
        fields = cls.model_fields.items()
        names = [name for name, field in fields if not field.repr]
        return [name.upper() for name in names if f"{name}_file" not in cls.model_fields]

    @classmethod
    def _problem(cls, error: Any, given: Mapping[str, str]) -> str:
        name = error["loc"][0]
        shown = f"={given[name]}" if cls.model_fields[name.lower()].repr else ""
        return f"{name}{shown}: {problem_text(error)}"

    @property
    def store_url(self) -> str:
        """DATABASE_URL, or the SQLite file in DATA_DIR."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'jobs.db'}"

    @property
    def data_place(self) -> str:
        """Where the data is, for people: `PostgreSQL`, or DATA_DIR, such as `./data`."""
        if is_postgresql(self.store_url):
            return "PostgreSQL"
        folder, here = self.data_dir.absolute(), Path.cwd()
        below = folder.is_relative_to(here) and folder != here
        return f"./{folder.relative_to(here)}" if below else str(folder)

    @property
    def uploads_folder(self) -> Path | None:
        """The folder in UPLOADS_URL, or `uploads` in DATA_DIR. None for a bucket."""
        url = urlparse(self.uploads_url)
        if url.scheme == "s3":
            return None
        return Path(unquote(url.path)) if url.path else self.data_dir / "uploads"

    @property
    def job_type_packages(self) -> list[str]:
        """The module of the built-in job types, the modules in JOB_TYPES and MORE_JOB_TYPES, and
        the built-in job types to leave out, each as -NAME. None of them twice."""
        given = (BUILT_IN_JOB_TYPES, *listed(self.job_types), *listed(self.more_job_types))
        return list(dict.fromkeys(given))

    @property
    def job_type_sources(self) -> list[str]:
        """All sources of job types: `job_type_packages`, the folder of job types, and the installed
        packages that offer some."""
        folder = os.path.abspath(self.job_types_folder or JOB_TYPES_FOLDER)
        scans = [f"folder:{folder}"] if os.path.isdir(folder) else []
        commands = [f"commands:{os.path.abspath(self.commands_file)}"] if self.commands_file else []
        return [*self.job_type_packages, *scans, "installed:*", *commands]

    @classmethod
    def help(cls) -> str:
        """The text for --help: all settings with their defaults, one a line."""
        rows = [(n.upper(), f.default, f.description) for n, f in cls.model_fields.items()]
        files = [(f"{name}_FILE", None, f"File that contains {name}.") for name in cls.secrets()]
        rows += files
        names = max(len(name) for name, _, _ in rows)
        return "\n".join(
            f"  {name:<{names}}  {text}"
            + (f" (default: {default})" if default not in ("", None) else "")
            for name, default, text in rows
        )


def _read_secret(path: str) -> str:
    """Return the text of a file without the line break at its end. Raises ValueError."""
    try:
        with open(path, "rb") as file:
            data = file.read(_SECRET_BYTES + 1)
        text = data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from error
    if len(data) > _SECRET_BYTES:
        raise ValueError(f"it has more than {_SECRET_BYTES} bytes")
    if not text:
        raise ValueError("it is empty")
    return text


def listed(value: str) -> list[str]:
    """Return the texts of a setting that are separated by commas, without blank ones."""
    return [text.strip() for text in value.split(",") if text.strip()]
