"""People whom others authenticate: an OpenID Connect provider, or a proxy in front of the service.

Their names begin with `oidc:` or `proxy:`, which no token's name does, and their roles come from
their groups (GROUP_ROLES). Only modules that `openid.py` imports need PyJWT and cryptography, so
only a listener with OIDC_ISSUER loads them.
"""
