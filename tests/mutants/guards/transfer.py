"""Guards of moves to another database, and of what PostgreSQL needs in operation."""

from tests.mutants.mutant import Mutant

MOVING = ("tests/storage/transfer/test_transfer.py",)
TRANSACTIONS = ("tests/storage/queries/test_long_transactions.py",)
POOLERS = ("tests/end_to_end/test_pgbouncer.py",)
CUT_OFF = ("tests/storage/db/test_lost_connections.py",)

TRANSFER = (
    Mutant(
        "a move keeps the triggers from writing anew",
        "storage/transfer/tables.py",
        """    database.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')\n""",
        "",
        MOVING,
    ),
    Mutant(
        "a SQLite file that is moved is had alone",
        "storage/db/engines.py",
        '        pragmas = {"locking_mode": "exclusive", **pragmas}\n',
        "        pass\n",
        MOVING,
    ),
    Mutant(
        "tables of PostgreSQL that are moved are locked",
        "storage/transfer/endpoints.py",
        '        source.execute(f"LOCK TABLE {tables} IN SHARE MODE")\n',
        "        pass\n",
        MOVING,
    ),
    Mutant(
        "how far a move is, is stored with each batch",
        "storage/transfer/transfer.py",
        "                update_checkpoint(self._target, after=source.key_of(rows[-1]))\n",
        "",
        MOVING,
    ),
    Mutant(
        "no program starts on a database that is half moved",
        "storage/open.py",
        "        refuse_unfinished_transfer(database)\n",
        "",
        MOVING,
    ),
    Mutant(
        "a copy of a file is compared with its hash",
        "storage/transfer/files.py",
        "        if digest.hexdigest() == upload.sha256:\n",
        "        if True:\n",
        MOVING,
    ),
    Mutant(
        "a source that has changed is told from what was copied",
        "storage/transfer/transfer.py",
        '        if checkpoint["version"] != version:\n',
        "        if False:\n",
        MOVING,
    ),
    Mutant(
        "a transaction is told of once",
        "runner/supervisor/maintenance.py",
        "transaction.seconds * REPEAT_FACTOR for key",
        "0.0 for key",
        TRANSACTIONS,
    ),
    Mutant(
        "locks are waited for with a bound",
        "storage/db/engines.py",
        "            connection.execute(timeouts.SESSION_SETTINGS)",
        "            pass",
        ("tests/end_to_end/test_store_outages.py",),
    ),
    Mutant(
        "a transaction waits with a bound in whatever session",
        "storage/db/timeouts.py",
        'EXCLUSIVE_TRANSACTION = {"lock_timeout": f"{BUSY_SECONDS:.0f}s"}',
        "EXCLUSIVE_TRANSACTION: dict[str, str] = {}",
        POOLERS,
    ),
    Mutant(
        "a transaction that stands still is ended",
        "storage/db/timeouts.py",
        '**EXCLUSIVE_TRANSACTION, "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s"',
        "**EXCLUSIVE_TRANSACTION",
        CUT_OFF,
    ),
    Mutant(
        "one that stands still after several statements at once is ended",
        "storage/db/pipeline.py",
        "_fetch_gen(flush=False)",
        "_fetch_gen(flush=True)",
        CUT_OFF,
    ),
    Mutant(
        "what ends a session that idled is no mistake in a query",
        "storage/db/errors.py",
        "if lost or isinstance(",
        "if isinstance(",
        CUT_OFF,
    ),
    Mutant(
        "a server that is not heard is given up",
        "storage/db/engines.py",
        "{**timeouts.CONNECTION_OPTIONS, ",
        "{",
        CUT_OFF,
    ),
    Mutant(
        "a server gives up who is not heard",
        "storage/db/timeouts.py",
        "SET tcp_keepalives_idle = {_PROBE_AFTER_SECONDS}",
        "SET tcp_keepalives_idle = 0",
        CUT_OFF,
    ),
    Mutant(
        "LISTEN goes past a pooler",
        "storage/open.py",
        "settings.listen_url or settings.store_url",
        "settings.store_url",
        POOLERS,
    ),
)
