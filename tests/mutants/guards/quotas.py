"""Guards of the quotas of callers."""

from tests.mutants.mutant import Mutant

VALUES = ("tests/server/auth/test_quotas.py",)

QUOTAS = (
    Mutant(
        "a quota of requests is limited in what it may be",
        "server/auth/quotas.py",
        "    if not 0 < value <= MAX_REQUESTS:\n",
        "    if False:\n",
        VALUES,
    ),
    Mutant(
        "an option of a token is given once",
        "server/auth/quotas.py",
        "        if name in values:\n",
        "        if False:\n",
        VALUES,
    ),
    Mutant(
        "only known options follow a role",
        "server/auth/quotas.py",
        "        if name not in known:\n",
        "        if False:\n",
        VALUES,
    ),
    Mutant(
        "the quotas of a token go before those of all callers",
        "server/auth/caller_quotas.py",
        "        return own if default is None else merged(own, default)\n",
        "        return own if default is None else default\n",
        VALUES,
    ),
    Mutant(
        "a quota of requests goes before RATE_LIMIT",
        "server/auth/authenticate.py",
        "        if quotas is not None and quotas.requests is not None:\n",
        "        if False:\n",
        VALUES,
    ),
    Mutant(
        "callers without a name have no quotas",
        "server/auth/caller_quotas.py",
        "            return default if caller.name is not None else None\n",
        "            return default\n",
        VALUES,
    ),
    Mutant(
        "refusals by a quota of requests are counted",
        "server/auth/authenticate.py",
        '            self.quotas.refused["requests"] += 1\n',
        "",
        VALUES,
    ),
)
