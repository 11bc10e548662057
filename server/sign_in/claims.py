"""The claims of a person: the name and the groups that a provider has stated."""

from collections.abc import Mapping

from server.http.codes import Code
from server.http.problems import Problem
from storage.records.json_values import JsonValue

EMAIL = "email"


class ClaimReader:
    """Finds the name in the claim `name`, and the groups in the claim `groups`."""

    def __init__(self, name: str, groups: str):
        """A name with dots, such as `realm_access.roles`, may lead into objects."""
        self._name, self._groups = name, groups

    def are_in(self, claims: Mapping[str, JsonValue]) -> bool:
        """Return whether both claims are there."""
        return _find(claims, self._name) is not None and _find(claims, self._groups) is not None

    def name(self, claims: Mapping[str, JsonValue]) -> str:
        """Return the name of a person.

        Raises Problem 403 if there is none, or if it is an e-mail address that the provider has not
        verified: anybody could claim to have that.
        """
        found = _find(claims, self._name)
        if not isinstance(found, str):
            detail = (
                f"the provider states no {self._name!r} for this caller: name another claim in"
                " OIDC_NAME_CLAIM, or add a scope to OIDC_SCOPES"
            )
            raise Problem(Code.NAME_REFUSED, detail)
        if self._name == EMAIL and claims.get("email_verified") is not True:
            detail = (
                f"the provider has not verified the address {found[:200]!r}: verify it there, or"
                " name another claim in OIDC_NAME_CLAIM"
            )
            raise Problem(Code.NAME_REFUSED, detail)
        return found

    def groups(self, claims: Mapping[str, JsonValue]) -> list[str]:
        """Return the groups of a person: a list of texts, or one text."""
        found = _find(claims, self._groups)
        given = found if isinstance(found, list) else [found]
        return [each for each in given if isinstance(each, str)]


def _find(claims: Mapping[str, JsonValue], name: str) -> JsonValue:
    """Return a claim; None if it is missing. A whole name comes before a path of names."""
    if name in claims:
        return claims[name]
    found: JsonValue = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
