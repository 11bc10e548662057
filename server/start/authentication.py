"""Creates the objects that authenticate callers, from the settings; a part of `app.py`."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from server.auth.addresses import AllowedHosts, TrustedProxies
from server.auth.authenticate import Authenticator
from server.auth.callers import CallerQuotas
from server.auth.sessions import Sessions, load_or_create_key
from server.auth.sign_in.group_roles import ProxyUsers
from server.settings.server import ServerSettings

if TYPE_CHECKING:  # it needs packages that are loaded only with OIDC_ISSUER
    from server.auth.sign_in.flow import SignInFlow


def open_proxies(settings: ServerSettings, hosts: AllowedHosts) -> TrustedProxies | None:
    """Return the proxies whose headers are believed; None if there are none."""
    headers = settings.auth_proxy_header, settings.auth_proxy_groups_header
    networks, names = settings.proxy_networks, [name for name in headers if name]
    return TrustedProxies(networks, hosts, names) if networks else None


def ways_to_sign_in(settings: ServerSettings) -> str:
    """Return how people can sign in to the front end: `token`, the host of a provider, or both."""
    by_token = settings.api_tokens or settings.api_tokens_file
    provider = urlsplit(settings.oidc_issuer).hostname
    return " ".join([*(["token"] if by_token else []), *([provider] if provider else [])])


def open_authentication(
    settings: ServerSettings, note_use: Callable[[str, str], None]
) -> "tuple[SignInFlow | None, Authenticator]":
    """Create the sign-in at OIDC_ISSUER, None if that is not set, and a listener's authenticator.

    `note_use` is called with the name and the address of each caller with a token. Raises
    StoreError if the key of cookies is unavailable.
    """
    tokens, sessions, secret = settings.tokens(), None, b""
    if tokens is not None:
        secret = settings.cookie_secret.encode() or load_or_create_key(settings.data_dir)
        sessions = Sessions(secret, tokens, settings.session_seconds)
    sign_in = _open_sign_in(settings, secret) if settings.oidc_issuer else None
    authenticator = Authenticator(
        tokens,
        sessions,
        settings.rate_limit,
        settings.root_path,
        note_use,
        settings.audit != "off",
        provider=sign_in.openid if sign_in else None,
        proxy=_open_proxy_users(settings),
        quotas=CallerQuotas(settings.default_quotas),
    )
    return sign_in, authenticator


def _open_proxy_users(settings: ServerSettings) -> ProxyUsers | None:
    names = settings.auth_proxy_header, settings.auth_proxy_groups_header
    return ProxyUsers(*names, settings.roles_of_groups) if settings.auth_proxy_header else None


def _open_sign_in(settings: ServerSettings, secret: bytes) -> "SignInFlow":
    from server.auth.sign_in.flow import SignInFlow
    from server.auth.sign_in.openid import ClaimReader, OpenId
    from server.auth.sign_in.provider import Provider
    from server.auth.sign_in.sealing import Seal

    issuer, client = settings.oidc_issuer, settings.oidc_client_id
    openid = OpenId(
        Provider(issuer, client, settings.oidc_client_secret),
        ClaimReader(settings.oidc_name_claim, settings.oidc_groups_claim),
        settings.roles_of_groups,
        Seal(secret, f"{issuer} {client}"),
        settings.oidc_audience,
        settings.session_seconds,
    )
    return SignInFlow(openid, settings.oidc_scopes)
