"""The settings of the listener."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from server.auth import addresses, tokens
from server.auth.quotas import Quotas, parse_quotas
from server.http.webhook_signatures import MIN_SECRET_LENGTH, signing_keys
from server.settings.callbacks_file import read_callbacks
from server.settings.sign_in import SignInSettings, require_own_header
from storage.records.ids import MAX_CELLS
from storage.records.service_callback import ServiceCallback
from storage.settings.settings import Seconds, Size, listed

ALL_ADDRESSES = "*"
_ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]+")
_NEEDS_SECRET = "it needs CALLBACK_SECRET"


class ServerSettings(SignInSettings):
    """The settings of the listener, read from the environment."""

    program = "listener"

    port: int = Field(
        5000, ge=0, le=65535, description="TCP port to listen on. 0 picks a free port."
    )
    host: str = Field(
        "",
        description="Address to listen on, or * for all addresses. Empty: all addresses if there "
        "are tokens, else only localhost, which other machines cannot reach.",
    )
    allowed_hosts: str = Field(
        "",
        description="Host names by which clients may call the service, such as jobs.example.org; "
        ".example.org also allows all names below it, * allows every name. Addresses, localhost "
        "and names without a dot are always allowed; others get 421.",
    )
    root_path: str = Field(
        "",
        description="Path below which clients reach the service, such as /jobs-api, if a proxy "
        "removes this path from requests. The listener adds it to Location, Link, pages, cookies "
        "and /openapi.json. Empty: the service has a host name of its own.",
    )
    max_upload_bytes: Size = Field(
        10 * 1024**3,
        ge=1,
        description="Size of the largest file that is accepted. A larger one gets 413.",
    )
    api_tokens: str = Field(
        "",
        repr=False,
        description="API tokens as name:role:token or name:role:sha256:HEX, separated by commas, "
        "with the roles read-own, read, submit and admin, which @QUEUE limits to a queue. Without "
        "any token, anyone may do anything.",
    )
    api_tokens_file: Path | None = Field(
        None,
        description="File of API tokens, one per line; lines that begin with # are comments. "
        "The listener reads a changed file again. python -m server token changes it.",
    )
    audit: Literal["off", "changes", "all"] = Field(
        "changes",
        description="What the audit log records: changes by clients, such as cancels, bulk calls, "
        "queues and schedules; all, which adds each submission of a job; or off.",
    )
    cookie_secret: str = Field(
        "",
        repr=False,
        description="Secret that signs the cookies of the web front end, at least 16 characters. "
        "Empty: the listener generates a key in DATA_DIR.",
    )
    session_seconds: Seconds = Field(
        43200, ge=60, le=31536000, description="How long a sign-in to the web front end lasts."
    )
    callback_secret: str = Field(
        "",
        repr=False,
        description="Secret that signs callbacks: whsec_ and 24 to 64 bytes in Base64, or a text "
        "of at least 16 characters. After one with whsec_, there may be older ones, with spaces "
        "between them, which sign too. CALLBACK_HOSTS and CALLBACKS_FILE need it.",
    )
    callback_hosts: str = Field(
        "",
        description="Hosts that a callback_url may name, such as hooks.example.org,10.0.0.7:8443. "
        "An entry without a port allows all ports. Empty: jobs have no callbacks of their own.",
    )
    callbacks_file: Path | None = Field(
        None,
        description="JSON file of callbacks for the ends of all jobs that filters select, by their "
        "names. It needs CALLBACK_SECRET. The listener reads it when it starts.",
    )
    schedules_file: Path | None = Field(
        None,
        description="JSON file of schedules by their names, which the listener creates or replaces "
        "when it starts. A name with null is deleted.",
    )
    cell: int | None = Field(
        None,
        ge=0,
        lt=MAX_CELLS,
        description="Number of this service among several, 0 to 4095, stored in the ids of its "
        "jobs.",
    )
    idle_seconds: Seconds = Field(
        75.0, ge=1, description="How long a connection is kept open between two requests."
    )
    max_queued_jobs: int = Field(
        10_000_000,
        ge=0,
        description="Jobs that may be queued. Above it, new jobs get 503. 0: no limit.",
    )
    rate_limit: float | None = Field(
        None,
        gt=0,
        le=1e6,
        allow_inf_nan=False,
        description="Requests per second that each caller or address may send. Above it, requests "
        "get 429. Unset: no limit.",
    )
    caller_quotas: str = Field(
        "",
        description="Quotas of each caller with a name, such as queued=1000 bytes=10GB "
        "requests=50: queued jobs, bytes of the files of its jobs, and requests per second. An "
        "option of a token replaces one for its caller. Empty: none.",
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses and networks of trusted proxies, such as 10.0.0.0/8,127.0.0.1. The "
        "listener reads X-Forwarded-For, -Proto, -Host and -Port only from them.",
    )
    auth_proxy_header: str = Field(
        "",
        description="Header in which a trusted proxy names the caller that it has authenticated, "
        "such as Remote-User. It needs TRUSTED_PROXIES and GROUP_ROLES.",
    )
    auth_proxy_groups_header: str = Field(
        "",
        description="Header in which a trusted proxy lists the groups of the caller, separated by "
        "commas, such as Remote-Groups.",
    )
    cors_origins: str = Field(
        "",
        description="Origins whose pages may use the API, such as https://app.example.org. Empty: "
        "only pages of the listener itself.",
    )
    min_free_bytes: Size | None = Field(
        None,
        ge=0,
        description="Free space on the disk below which new jobs get 507. 0: no limit. "
        "Unset: 268435456, but at most a tenth of the disk.",
    )

    @field_validator("root_path")
    @classmethod
    def _check_root_path(cls, value: str) -> str:
        path = value.rstrip("/")
        if path and (not _ROOT_PATH.fullmatch(path) or {".", ".."} & set(path.split("/"))):
            raise ValueError("it must be a path such as /jobs-api, of A-Z a-z 0-9 . _ ~ - and /")
        return path

    @field_validator("callback_secret")
    @classmethod
    def _check_callback_secret(cls, value: str) -> str:
        signing_keys(value)
        return value

    @field_validator("cookie_secret")
    @classmethod
    def _check_secret(cls, value: str) -> str:
        if len(value) < MIN_SECRET_LENGTH:
            raise ValueError(f"it must have at least {MIN_SECRET_LENGTH} characters")
        return value

    @field_validator("callback_hosts")
    @classmethod
    def _check_callback_hosts(cls, value: str, info: ValidationInfo) -> str:
        if value and _lacks_secret(info):
            raise ValueError(_NEEDS_SECRET)
        return value

    @field_validator("callbacks_file")
    @classmethod
    def _check_callbacks_file(cls, value: Path, info: ValidationInfo) -> Path:
        problems = [_NEEDS_SECRET] if _lacks_secret(info) else []
        try:
            read_callbacks(value)
        except ValueError as error:
            problems.append(str(error))
        if problems:
            raise ValueError("; ".join(problems))
        return value

    @field_validator("api_tokens")
    @classmethod
    def _check_tokens(cls, value: str) -> str:
        tokens.parse_tokens(value)
        return value

    @field_validator("api_tokens_file")
    @classmethod
    def _check_token_file(cls, value: Path, info: ValidationInfo) -> Path:
        others = info.data.get("api_tokens", "")
        tokens.Tokens(tokens.parse_tokens(others) if others else (), value)
        return value

    @field_validator("caller_quotas")
    @classmethod
    def _check_caller_quotas(cls, value: str) -> str:
        parse_quotas(value)
        return value

    @field_validator("trusted_proxies", "allowed_hosts", "cors_origins")
    @classmethod
    def _check_entries(cls, value: str, info: ValidationInfo) -> str:
        for text in listed(value):
            if info.field_name == "trusted_proxies":
                ip_network(text)  # raises ValueError with the reason
            elif info.field_name == "allowed_hosts":
                addresses.require_host_entry(text.lower())
            elif not _ORIGIN.fullmatch(text):
                raise ValueError(f"{text!r} is not an origin, such as https://app.example.org:8443")
        return value

    @field_validator("auth_proxy_header", "auth_proxy_groups_header")
    @classmethod
    def _check_proxy_header(cls, value: str, info: ValidationInfo) -> str:
        require_own_header(value)
        needed = ("trusted_proxies", "group_roles", "auth_proxy_header")
        lacking = [name.upper() for name in needed if info.data.get(name) == ""]
        if lacking:
            raise ValueError(f"it needs {' and '.join(lacking)}")
        return value

    @property
    def requires_authentication(self) -> bool:
        """Whether callers must be authenticated. If not, anyone may do anything."""
        by_tokens = self.api_tokens or self.api_tokens_file
        return bool(by_tokens or self.oidc_issuer or self.auth_proxy_header)

    def tokens(self) -> tokens.Tokens | None:
        """The tokens of API_TOKENS and API_TOKENS_FILE. None if callers need no authentication.

        Raises TokensError.
        """
        if not self.requires_authentication:
            return None
        fixed = tokens.parse_tokens(self.api_tokens) if self.api_tokens else []
        return tokens.Tokens(fixed, self.api_tokens_file)

    @property
    def default_quotas(self) -> Quotas:
        """The quotas in CALLER_QUOTAS."""
        return parse_quotas(self.caller_quotas)

    @property
    def listen_host(self) -> str | None:
        """The address to listen on; None for all addresses."""
        if self.host:
            return None if self.host == ALL_ADDRESSES else self.host
        return None if self.requires_authentication else "localhost"

    @property
    def allowed_host_names(self) -> frozenset[str]:
        """The entries of ALLOWED_HOSTS, in lower case."""
        return frozenset(listed(self.allowed_hosts.lower()))

    @property
    def allowed_callback_hosts(self) -> frozenset[str]:
        """The hosts in CALLBACK_HOSTS, in lower case."""
        return frozenset(listed(self.callback_hosts.lower()))

    def service_callbacks(self) -> dict[str, ServiceCallback]:
        """Read the callbacks in CALLBACKS_FILE, by their names. Raises ValueError."""
        return read_callbacks(self.callbacks_file) if self.callbacks_file else {}

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks in TRUSTED_PROXIES."""
        return tuple(ip_network(text) for text in listed(self.trusted_proxies))

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The origins in CORS_ORIGINS."""
        return frozenset(listed(self.cors_origins))


def _lacks_secret(info: ValidationInfo) -> bool:
    """Whether CALLBACK_SECRET is not set. A wrong one is reported on its own, and not in `data`."""
    return info.data.get("callback_secret") == ""
