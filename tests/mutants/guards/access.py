"""Guards of authentication and permissions."""

from tests.mutants.mutant import Mutant

ACCESS_TESTS = ("tests/server/auth/test_permissions.py",)
SESSIONS = ("tests/server/auth/test_sessions.py",)
PUBLIC_HOST = ("tests/server/auth/test_public_host.py",)
TOKENS = ("tests/server/auth/test_tokens.py",)
EXPIRY = ("tests/server/auth/test_expiry.py",)

ACCESS = (
    Mutant(
        "a role that is too low is refused",
        "server/auth/authenticate.py",
        "if caller.role < role:",
        "if False:",
        ACCESS_TESTS,
    ),
    Mutant(
        "a method without a rule needs the role admin",
        "server/handlers/base.py",
        "self.ROLES.get(method, Role.ADMIN)",
        "self.ROLES.get(method, Role.READ)",
        ACCESS_TESTS,
    ),
    Mutant(
        "a refused request does not reach its handler's method",
        "server/handlers/base.py",
        '            setattr(self, (self.request.method or "").lower(), self._refused)\n',
        "",
        ACCESS_TESTS,
    ),
    Mutant(
        "the fast path checks the role, too",
        "server/fast/path.py",
        "            require_role(caller, _ROLES[method])\n",
        "",
        ACCESS_TESTS,
    ),
    Mutant(
        "only admins change the jobs of others",
        "server/auth/callers.py",
        "self.name is not None and self.name == submitted_by",
        "True",
        ACCESS_TESTS,
    ),
    Mutant(
        "idempotency keys of callers are separate",
        "server/jobs/admission.py",
        "key if caller.name is None else",
        "key if True else",
        ACCESS_TESTS,
    ),
    Mutant(
        "a cookie changes something only from a page of the same origin",
        "server/auth/authenticate.py",
        "if method not in SAFE_METHODS:\n            require_same_origin(headers)",
        "if False:\n            require_same_origin(headers)",
        SESSIONS,
    ),
    Mutant(
        "a page of another origin cannot sign in",
        "server/handlers/session.py",
        "            require_same_origin(self.request.headers)\n",
        "            pass\n",
        SESSIONS,
    ),
    Mutant(
        "an invalid origin causes no server error",
        "server/handlers/base.py",
        "    def _origin_matches_host(",
        "    def _unused(",
        SESSIONS,
    ),
    Mutant(
        "the key of a cookie depends on the hash of the token",
        "server/auth/sessions.py",
        'b"sign-in " + token.digest',
        'b"sign-in "',
        SESSIONS,
    ),
    Mutant(
        "the key of a cookie depends on the secret",
        "server/auth/sessions.py",
        "hmac.digest(self._secret, ",
        'hmac.digest(b"", ',
        SESSIONS,
    ),
    Mutant(
        "a cookie is valid only for the name that is signed",
        "server/auth/sessions.py",
        "token.caller if signed_name == name.encode() else None",
        "token.caller",
        SESSIONS,
    ),
    Mutant(
        "over HTTPS the cookie has another name",
        "server/auth/sessions.py",
        "if secure else COOKIE",
        "if False else COOKIE",
        SESSIONS,
    ),
    Mutant(
        "the value of a secret is not shown",
        "storage/settings/settings.py",
        "if cls.model_fields[name.lower()].repr else",
        "if True else",
        TOKENS,
    ),
    Mutant(
        "an invalid file leaves the previous tokens valid",
        "server/auth/tokens.py",
        'log.error("API_TOKENS_FILE',
        'self._tokens = ()\n            log.error("API_TOKENS_FILE',
        TOKENS,
    ),
    Mutant(
        "an expired token is refused",
        "server/auth/authenticate.py",
        "if self.tokens and self.tokens.has_expired(token):",
        "if False:",
        EXPIRY,
    ),
    Mutant(
        "a session ends with its token",
        "server/auth/tokens.py",
        "valid = (token for token in self._current() if not self.has_expired(token))",
        "valid = iter(self._current())",
        EXPIRY,
    ),
    Mutant(
        "the end of a token cuts its streams off",
        "server/auth/tokens.py",
        "            self._next_expiry = self._find_next_expiry()\n            self._changes += 1\n"
        "        return",
        "            self._next_expiry = self._find_next_expiry()\n        return",
        EXPIRY,
    ),
    Mutant(
        "the last token of a file is not revoked",
        "server/auth/token_file.py",
        "if len(names) == 1:",
        "if False:",
        ("tests/server/auth/test_token_commands.py",),
    ),
    Mutant(
        "an earlier use of a token does not replace a later one",
        "storage/access/token_uses.py",
        "        where=TokenUseRow.used_at < use.used_at,\n",
        "",
        ("tests/server/auth/test_token_uses.py",),
    ),
    Mutant(
        "an existing cookie key is kept",
        "server/auth/sessions.py",
        "                with contextlib.suppress(FileExistsError):",
        "                path.unlink(missing_ok=True)\n"
        "                with contextlib.suppress(FileExistsError):",
        TOKENS,
    ),
    Mutant(
        "wrong tokens are counted",
        "server/auth/authenticate.py",
        "                self._failures.take(rate_limit_network(address), detail)\n",
        "                pass\n",
        ("tests/server/auth/test_wrong_tokens.py",),
    ),
    Mutant(
        "after too many wrong tokens more of them get 429",
        "server/auth/rate_limits.py",
        "        if level < 1:\n",
        "        if False:\n",
        ("tests/server/auth/test_wrong_tokens.py",),
    ),
    Mutant(
        "a valid token passes however many wrong ones came before",
        "server/auth/authenticate.py",
        "        try:\n            yield\n",
        "        self._failures.take(rate_limit_network(address), '')\n"
        "        try:\n            yield\n",
        ("tests/server/auth/test_wrong_tokens.py",),
    ),
    Mutant(
        "handlers refuse unknown hosts",
        "server/handlers/base.py",
        "        if not self.hosts.allows(request.host):\n",
        "        if False:\n",
        ("tests/server/auth/test_hosts.py",),
    ),
    Mutant(
        "the fast path refuses unknown hosts",
        "server/fast/path.py",
        '        if not self._hosts.allows(headers.fields["Host"]):\n',
        "        if False:\n",
        ("tests/server/auth/test_hosts.py",),
    ),
    Mutant(
        "without tokens the listener listens on localhost",
        "server/settings/server.py",
        'else "localhost"',
        "else None",
        ("tests/end_to_end/test_addresses.py",),
    ),
    Mutant(
        "only a trusted proxy tells the host that a client named",
        "server/auth/addresses.py",
        "self._named_host(headers, context.protocol) if is_trusted",
        "self._named_host(headers, context.protocol) if True",
        PUBLIC_HOST,
    ),
    Mutant(
        "without trusted proxies, nobody does",
        "server/http_server.py",
        "            headers.pop(PUBLIC_HOST, None)\n",
        "            pass\n",
        PUBLIC_HOST,
    ),
    Mutant(
        "a proxy tells no host that is not allowed",
        "server/auth/addresses.py",
        'return host if self._hosts.allows(host) else ""',
        "return host",
        PUBLIC_HOST,
    ),
)
