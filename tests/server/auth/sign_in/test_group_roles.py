"""Roles from groups, claims, and sealed cookies."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.auth.callers import Caller, Role
from server.auth.sign_in.group_roles import GroupRoles
from server.auth.sign_in.openid import ClaimReader
from server.auth.sign_in.sealing import Seal
from server.http.codes import Code
from server.http.problems import Problem

ROLES = GroupRoles.parse(" ops:admin , /team/dev:submit,urn:x:y:read,, *:read")


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["ops"], Role.ADMIN),
        (["/team/dev", "urn:x:y"], Role.SUBMIT),
        (["/team/dev", "ops"], Role.ADMIN),
        (["others"], Role.READ),
        ([], Role.READ),
    ],
)
def test_the_highest_role_of_the_groups_counts(groups: list[str], role: Role) -> None:
    assert ROLES.caller("oidc", "ann", groups) == Caller("oidc:ann", role, method="oidc")


LIMITED = GroupRoles.parse("a:submit@x,b:submit@y+z,c:submit,d:admin@x,e:read,*:read-own")


@pytest.mark.parametrize(
    ("groups", "role", "queues"),
    [
        ([], Role.READ_OWN, None),
        (["e"], Role.READ, None),
        (["a", "e"], Role.SUBMIT, {"x"}),
        (["a", "b"], Role.SUBMIT, {"x", "y", "z"}),
        (["a", "b", "c"], Role.SUBMIT, None),
        (["c", "d"], Role.ADMIN, {"x"}),
    ],
)
def test_the_queues_of_all_groups_with_the_highest_role_are_joined(
    groups: list[str], role: Role, queues: set[str] | None
) -> None:
    caller = LIMITED.caller("oidc", "ann", groups)
    assert (caller.role, caller.queues) == (role, None if queues is None else frozenset(queues))


@pytest.mark.parametrize("groups", [[], ["op"], ["OPS"], [" ops"], ["*"]])
def test_without_a_role_for_all_other_groups_are_refused(groups: list[str]) -> None:
    with pytest.raises(Problem) as caught:
        GroupRoles.parse("ops:admin").caller("oidc", "ann", groups)
    assert caught.value.code is Code.NO_ROLE


CLAIMS = {
    "email": "ann@example.org",
    "email_verified": True,
    "realm_access": {"roles": ["ops", 5, None]},
    "https://example.org/groups": "ops",
}


def test_a_claim_may_be_in_an_object_or_have_a_dot_in_its_name() -> None:
    assert ClaimReader("email", "realm_access.roles").groups(CLAIMS) == ["ops"]
    assert ClaimReader("email", "https://example.org/groups").groups(CLAIMS) == ["ops"]
    for name in ("nothing", "realm_access.nothing", "email.x", "realm_access.roles.0", ".", ""):
        assert ClaimReader("email", name).groups(CLAIMS) == []


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_only_a_verified_address_is_a_name(verified: Any) -> None:
    assert ClaimReader("email", "groups").name(CLAIMS) == "ann@example.org"
    with pytest.raises(Problem, match="has not verified the address"):
        ClaimReader("email", "groups").name({**CLAIMS, "email_verified": verified})


def test_a_sealed_text_can_be_opened_for_its_purpose_until_its_time_is_over() -> None:
    now = 1000.0
    seal = Seal(b"secret", "provider", lambda: now)
    text = seal.close("session", {"name": "ann"}, 60)
    assert "ann" not in text
    assert seal.open("session", text) == (1060.0, {"name": "ann"})
    assert seal.open("renewal", text) is None
    assert Seal(b"secret", "another", lambda: now).open("session", text) is None
    assert Seal(b"another", "provider", lambda: now).open("session", text) is None
    now = 1060.0
    assert seal.open("session", text) is None


@given(st.text(max_size=80))
def test_no_other_text_can_be_opened(text: str) -> None:
    assert Seal(b"secret", "provider").open("session", text) is None
