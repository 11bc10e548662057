"""The listener's settings for people whom a provider of OpenID Connect or a proxy authenticates."""

import ipaddress
import re
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from server.auth.sign_in.group_roles import GroupRoles
from storage.settings.traces import TraceSettings

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_READ_OTHERWISE = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port")
_USED_OTHERWISE = {
    *("accept", "accept-encoding", "accept-language", "authorization", "cache-control"),
    *("connection", "content-length", "content-type", "cookie", "host", "idempotency-key"),
    *("pragma", "prefer", "sec-fetch-mode", "traceparent", "tracestate", "user-agent"),
    *("x-forwarded-prefix", "x-forwarded-server", "x-real-ip", "x-request-id"),
    *_READ_OTHERWISE,
}
"""Headers that clients send, or that the listener and other proxies use for something else."""


class SignInSettings(TraceSettings):
    """The settings of OpenID Connect and of the header of a proxy."""

    group_roles: str = Field(
        "",
        description="Roles of people by their groups, such as ops:admin,dev:submit@builds,"
        "*:read-own; roles are as in API_TOKENS, and * is everybody who signs in. Who is in "
        "several groups has the highest role. OIDC_ISSUER and AUTH_PROXY_HEADER need it.",
    )
    oidc_client_id: str = Field(
        "", description="Id of this service at the OpenID Connect provider. OIDC_ISSUER needs it."
    )
    oidc_client_secret: str = Field(
        "",
        repr=False,
        description="Secret of this service at the OpenID Connect provider. Empty: it is a public "
        "client.",
    )
    oidc_issuer: str = Field(
        "",
        description="OpenID Connect provider, such as https://id.example.org/realms/main. People "
        "then sign in to the web front end there.",
    )
    oidc_scopes: str = Field(
        "openid profile email",
        description="Scopes to ask the OpenID Connect provider for, separated by spaces. Some "
        "providers need groups for groups, and offline_access for sessions that are renewed.",
    )
    oidc_name_claim: str = Field(
        "email",
        min_length=1,
        description="Claim that becomes the name of a person. An email must be verified.",
    )
    oidc_groups_claim: str = Field(
        "groups",
        min_length=1,
        description="Claim with the groups of a person, or a path such as realm_access.roles.",
    )
    oidc_audience: str = Field(
        "",
        description="Audience of the provider's tokens that the API accepts as Authorization: "
        "Bearer. Empty: it accepts none.",
    )

    @field_validator("group_roles")
    @classmethod
    def _check_group_roles(cls, value: str) -> str:
        GroupRoles.parse(value)
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _check_issuer(cls, value: str, info: ValidationInfo) -> str:
        try:
            parts = urlsplit(value)
            more = parts.query or parts.fragment or parts.username
            is_usable = bool(parts.hostname) and not more
        except ValueError:
            is_usable = False
        if not is_usable or parts.scheme not in ("https", "http"):
            raise ValueError("it must be a URL such as https://id.example.org")
        if parts.scheme == "http" and not _is_near(parts.hostname or ""):
            raise ValueError("it must begin with https://, because others could read the tokens")
        if info.data.get("oidc_client_id") == "":
            raise ValueError("it needs OIDC_CLIENT_ID")
        if info.data.get("group_roles") == "":
            raise ValueError("it needs GROUP_ROLES, such as ops:admin,*:read")
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _check_scopes(cls, value: str) -> str:
        if "openid" not in value.split():
            raise ValueError("it must have openid")
        return value

    @property
    def roles_of_groups(self) -> GroupRoles:
        """The roles in GROUP_ROLES."""
        return GroupRoles.parse(self.group_roles)


def require_own_header(name: str) -> None:
    """Raise ValueError unless a header can be one with which a proxy names the caller."""
    if not _HEADER.fullmatch(name):
        raise ValueError("it must be the name of a header, such as Remote-User")
    if name.lower() in _USED_OTHERWISE:
        raise ValueError("clients or proxies send this header for another purpose")


def _is_near(host: str) -> bool:
    """Whether a host is this machine or in its own network: requests to it may be plain HTTP."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(".localhost")
