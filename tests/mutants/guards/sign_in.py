"""Guards of the sign-in by OpenID Connect and by a proxy."""

from tests.mutants.mutant import Mutant

BEARER = ("tests/server/auth/sign_in/test_bearer.py",)
PROXY = ("tests/server/auth/sign_in/test_proxy_header.py",)
FORGERIES = ("tests/server/auth/sign_in/test_forged_responses.py",)
PIECES = ("tests/server/auth/sign_in/test_group_roles.py",)

SIGN_IN = (
    Mutant(
        "the header of a proxy counts only from trusted proxies",
        "server/auth/addresses.py",
        "for name in () if is_trusted else self._names:",
        "for name in ():",
        PROXY,
    ),
    Mutant(
        "a change by a caller of the proxy must come from a page of the service",
        "server/auth/authenticate.py",
        "            if method not in SAFE_METHODS:  # the proxy",
        "            if False:  # the proxy",
        PROXY,
    ),
    Mutant(
        "a header of the proxy that is there twice is refused",
        "server/auth/sign_in/group_roles.py",
        "if len(headers.get_list(header)) > 1:",
        "if False:",
        PROXY,
    ),
    Mutant(
        "a token of another kind signs nobody in",
        "server/auth/sign_in/jwt_checks.py",
        'if named.endswith("+jwt") and named != kind:',
        "if False:",
        (*BEARER, *FORGERIES),
    ),
    Mutant(
        "a time of a token is a number",
        "server/auth/sign_in/jwt_checks.py",
        "            _require_numbers(claims)\n",
        "",
        (*BEARER, *FORGERIES),
    ),
    Mutant(
        "a sign-in leads to no path beside the front end",
        "server/auth/sign_in/flow.py",
        'return not {".", ".."}.intersection(parts)',
        "return True",
        FORGERIES,
    ),
    Mutant(
        "no page of another site signs a person out",
        "server/api/session/sign_in.py",
        "        require_same_origin(self.request.headers, by_link=True)\n",
        "",
        FORGERIES,
    ),
    Mutant(
        "a caller without a role is refused",
        "server/auth/sign_in/group_roles.py",
        "        if not found:",
        "        found = found or [Rights(Role.READ)]\n        if not found:",
        PROXY,
    ),
    Mutant(
        "only tokens for the service's audience count",
        "server/auth/sign_in/jwt_checks.py",
        "audience=audience,",
        "audience=jwt.decode(token, options={'verify_signature': False}).get('aud'),",
        BEARER,
    ),
    Mutant(
        "a key is used for its own algorithm only",
        "server/auth/sign_in/jwt_checks.py",
        'allowed = allowed & {str(document["alg"])}',
        "pass",
        BEARER,
    ),
    Mutant(
        "a key for encryption checks no signature",
        "server/auth/sign_in/jwt_checks.py",
        ' or document.get("use", "sig") != "sig"',
        "",
        BEARER,
    ),
    Mutant(
        "what was checked with withdrawn keys is forgotten",
        "server/auth/sign_in/openid.py",
        "            self._checked.clear()\n",
        "",
        BEARER,
    ),
    Mutant(
        "an unknown key makes the listener load the keys",
        "server/auth/sign_in/provider.py",
        "        if not known:\n",
        "        if self.keys is None:\n",
        BEARER,
    ),
    Mutant(
        "unknown keys cannot make the listener ask all the time",
        "server/auth/sign_in/provider.py",
        "and not pauses:",
        "and True:",
        BEARER,
    ),
    Mutant(
        "the metadata must be of the issuer",
        "server/auth/sign_in/provider.py",
        '    if found.get("issuer") != issuer:',
        "    if False:",
        BEARER,
    ),
    Mutant(
        "a response must have the state of this browser's sign-in",
        "server/auth/sign_in/flow.py",
        '        if not secrets.compare_digest(query.get("state", "").encode(), '
        'content["state"].encode()):',
        "        if False:",
        FORGERIES,
    ),
    Mutant(
        "the response of another issuer is refused",
        "server/auth/sign_in/flow.py",
        "        await self._require_issuer(query)\n",
        "",
        FORGERIES,
    ),
    Mutant(
        "an ID token must have the nonce of its sign-in",
        "server/auth/sign_in/flow.py",
        '        if claims.get("nonce") != content["nonce"]:',
        "        if False:",
        FORGERIES,
    ),
    Mutant(
        "claims of somebody else at UserInfo are refused",
        "server/auth/sign_in/flow.py",
        '            if more and more.get("sub") != claims["sub"]:',
        "            if False:",
        FORGERIES,
    ),
    Mutant(
        "a session is never renewed for somebody else",
        "server/auth/sign_in/flow.py",
        '        if claims["sub"] != content["sub"]:',
        "        if False:",
        FORGERIES,
    ),
    Mutant(
        "an ID token for another client is refused",
        "server/auth/sign_in/flow.py",
        '        if claims.get("azp", provider.client_id) != provider.client_id or (',
        "        if False and (",
        FORGERIES,
    ),
    Mutant(
        "a sign-in leads only to pages of the service",
        "server/auth/sign_in/flow.py",
        "if len(text) >= 1000 or not _PAGE.fullmatch(text):",
        "if False:",
        FORGERIES,
    ),
    Mutant(
        "a sealed text is for one purpose",
        "server/auth/sign_in/sealing.py",
        '"""\n        try:\n            sealed = base64',
        '"""\n        purpose = "session"\n        try:\n            sealed = base64',
        PIECES,
    ),
    Mutant(
        "a sealed text has an end",
        "server/auth/sign_in/sealing.py",
        "if self.clock() < until else None",
        "if True else None",
        PIECES,
    ),
    Mutant(
        "an address is a name only if it is verified",
        "server/auth/sign_in/openid.py",
        'claims.get("email_verified") is not True',
        'claims.get("email_verified") is False',
        PIECES,
    ),
    Mutant(
        "event streams authenticate again every minute if sign-ins end",
        "server/auth/authenticate.py",
        "        return self.changes + minutes\n",
        "        return self.changes\n",
        ("tests/server/auth/sign_in/test_streams.py",),
    ),
)
