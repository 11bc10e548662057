"""Callers with tokens for tests."""

from server.auth.callers import Role

TOKENS = {
    "rob": ("read", "jst_rob-0123456789"),
    "sue": ("submit", "jst_sue-0123456789"),
    "ann": ("submit", "jst_ann-0123456789"),
    "ada": ("admin", "jst_ada-0123456789"),
}
ROLES = {name: Role[role.upper()] for name, (role, _) in TOKENS.items()}
API_TOKENS = ",".join(f"{name}:{role}:{token}" for name, (role, token) in TOKENS.items())


def token(name: str) -> str:
    """The token of a caller."""
    return TOKENS[name][1]


def bearer(name: str | None) -> dict[str, str]:
    """The Authorization header of a caller; None: no token."""
    return {} if name is None else {"Authorization": f"Bearer {token(name)}"}
