"""Guards of the groups of failed jobs."""

from tests.mutants.mutant import Mutant

STORED = ("tests/storage/queries/test_failures.py",)
KINDS = ("tests/storage/records/test_failure_kind.py",)
API = ("tests/server/api/test_failures.py",)
CLIENT = ("tests/client/test_failures.py",)

FAILURES = (
    Mutant(
        "the kind of a failure has the type of its job",
        "storage/records/failure_kind.py",
        "    return FailureKind(type, error_type[:MAX_MESSAGE_LENGTH], masked(message))",
        '    return FailureKind("", error_type[:MAX_MESSAGE_LENGTH], masked(message))',
        STORED,
    ),
    Mutant(
        "only so much of a message is read",
        "storage/records/failure_kind.py",
        "message[:READ_LENGTH].split()",
        "(message * 9).split()",
        KINDS,
    ),
    Mutant(
        "half a surrogate pair in an error is replaced",
        "storage/records/failure_kind.py",
        'value.encode(errors="replace").decode()',
        "value",
        KINDS,
    ),
    Mutant(
        "only failed jobs are failures",
        "storage/queries/failures.py",
        "    failed = unindexed(JobRow.status) == Status.FAILED\n",
        "    failed = unindexed(JobRow.status) != Status.CANCELED\n",
        STORED,
    ),
    Mutant(
        "an answer groups only so many failures",
        "storage/queries/failures.py",
        "or run.failed >= MAX_FAILURES",
        "",
        STORED,
    ),
    Mutant(
        "an answer takes only so long",
        "storage/queries/failures.py",
        " or clock() > deadline:",
        ":",
        STORED,
    ),
    Mutant(
        "the next answer does not repeat a failure",
        "storage/queries/failures.py",
        "return [key >= least, key < before]",
        "return [key >= least, key <= before]",
        STORED,
    ),
    Mutant(
        "a list of a group holds only its jobs",
        "storage/queries/search.py",
        'if wanted is None or failure_key(row["type"], row["error"]) == wanted',
        "if True",
        STORED,
    ),
    Mutant(
        "a bulk change of a group changes only failed jobs",
        "storage/queries/search.py",
        "        filters = replace(filters, statuses=frozenset({Status.FAILED}))\n",
        "",
        STORED,
    ),
    Mutant(
        "a group without failed jobs among the wanted statuses is empty",
        "storage/queries/search.py",
        "if Status.FAILED not in (filters.statuses or Status):",
        "if False:",
        STORED,
    ),
    Mutant(
        "the name of a group is checked",
        "server/documents/filters.py",
        "if not _FAILURE.fullmatch(value):",
        "if not value:",
        API,
    ),
    Mutant(
        "a cursor of failures is checked",
        "server/api/failures.py",
        "position is None or position[0] >= 1 << 62",
        "position is None",
        API,
    ),
    Mutant(
        "the retry of a group keeps to the filters of its list",
        "client/jobservice/_async/failures.py",
        '        filters["finished_after"] = requests.since_text(since)\n',
        "",
        CLIENT,
    ),
)
