"""Guards of saved pattern sets, and of analyses that name them."""

from tests.mutants.mutant import Mutant

STORE = ("tests/storage/jobs/test_pattern_sets.py",)
HANDLER = ("tests/server/api/test_pattern_sets.py",)
ANALYZE = ("tests/server/api/analyses/test_analyze_sets.py",)
PAYLOAD = ("tests/loganalysis/request/test_sets.py",)

PATTERN_SETS = (
    Mutant(
        "changes of sets wait for each other",
        "storage/jobs/pattern_sets.py",
        "            self._database.next_version(0)  # the version lock",
        "            #",
        STORE,
    ),
    Mutant(
        "a set is replaced only after a check",
        "storage/jobs/pattern_sets.py",
        "            check(old)\n",
        "",
        STORE,
    ),
    Mutant(
        "a set is deleted only after a check",
        "storage/jobs/pattern_sets.py",
        "            check(self.get(name))\n",
        "",
        STORE,
    ),
    Mutant(
        "there is a limit of sets",
        "storage/records/shares.py",
        "    if used + others >= limit:\n",
        "    if False:\n",
        STORE,
    ),
    Mutant(
        "a caller has a share of a limit",
        "storage/records/shares.py",
        "own + others >= limit - used - others:",
        "False:",
        (*STORE, "tests/server/auth/test_shares.py"),
    ),
    Mutant(
        "what other callers have is not the share of a caller",
        "storage/jobs/shares.py",
        "(model.created_by == sharer, 1)",
        "(model.name.is_null(False), 1)",
        STORE,
    ),
    Mutant(
        "a built-in set cannot be changed",
        "server/api/pattern_sets/pattern_sets.py",
        "if saved is None and name in BUILT_IN:",
        "if False:",
        HANDLER,
    ),
    Mutant(
        "a saved set hides a built-in one of its name",
        "server/api/pattern_sets/pattern_sets.py",
        "if saved is None and name in BUILT_IN:",
        "if name in BUILT_IN:",
        HANDLER,
    ),
    Mutant(
        "only its creator and admins change a set",
        "server/api/pattern_sets/pattern_sets.py",
        "if saved and not caller.may_change_shared(saved.created_by):",
        "if False:",
        HANDLER,
    ),
    Mutant(
        "a set is changed only if its ETag fits",
        "server/api/pattern_sets/pattern_sets.py",
        "conditions.require(set_etag(saved))",
        "pass",
        HANDLER,
    ),
    Mutant(
        "the patterns of a set are checked as those of a job",
        "server/api/pattern_sets/pattern_sets.py",
        '        await self._check_patterns(body["patterns"])\n',
        "",
        HANDLER,
    ),
    Mutant(
        "the body of a set is limited",
        "server/api/pattern_sets/pattern_sets.py",
        "json_body(self.request.headers, MAX_SET_BYTES, TEXT)",
        "json_body(self.request.headers, 1 << 30, TEXT)",
        HANDLER,
    ),
    Mutant(
        "a set that does not exist is refused",
        "server/jobs/validation/sets.py",
        "    if sets.wrong:\n",
        "    if False:\n",
        ANALYZE,
    ),
    Mutant(
        "the sets of a large submission are read, too",
        "server/jobs/validation/submission.py",
        "            sets = await self._find_sets(needed.names)\n",
        "            sets = NO_SETS\n",
        ANALYZE,
    ),
    Mutant(
        "a repeated submission is equal also after a set was changed",
        "server/jobs/validation/submission.py",
        "self.submitted or payload",
        "payload",
        ANALYZE,
    ),
    Mutant(
        "names of sets do not decide whether a result is reused",
        "runner/job_types/analyze.py",
        'exclude={"pattern_sets", "reuse", "source"}',
        'exclude={"reuse", "source"}',
        PAYLOAD,
    ),
    Mutant(
        "a job without the patterns of its sets fails",
        "loganalysis/request/request.py",
        'if value and info.data.get("patterns", True) is None:',
        "if False:",
        PAYLOAD,
    ),
    Mutant(
        "a pattern of the payload replaces one of a set",
        "loganalysis/request/sets.py",
        "        for value in own:\n            if pattern := _pattern(value):",
        "        for value in ():\n            if pattern := _pattern(value):",
        PAYLOAD,
    ),
    Mutant(
        "a pattern that was removed on the page does not come back with its set",
        "server/web/analysis/again.js",
        "sets && sets !== job.payload.pattern_sets",
        "sets",
        ("tests/web/test_pattern_sets.py",),
    ),
    Mutant(
        "two sets that contradict each other are refused",
        "loganalysis/request/sets.py",
        "pattern.key if earlier_origin and earlier != pattern else None",
        "None",
        PAYLOAD,
    ),
)
