"""Guards of moves to another database, and of what PostgreSQL needs in operation."""

from tests.mutants.mutant import Mutant

MOVING = ("tests/admin/transfer/test_transfer.py",)
TRANSACTIONS = ("tests/storage/queries/test_long_transactions.py",)
POOLERS = ("tests/end_to_end/test_pgbouncer.py",)
CUT_OFF = ("tests/storage/db/test_lost_connections.py",)

TRANSFER = (
    Mutant(
        "a transfer keeps triggers from writing events again",
        "admin/transfer/tables.py",
        """    database.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')\n""",
        "",
        MOVING,
    ),
    Mutant(
        "a SQLite file in transfer is opened exclusively",
        "storage/db/sqlite.py",
        '            pragmas = {"locking_mode": "exclusive", **pragmas}\n',
        "            pass\n",
        MOVING,
    ),
    Mutant(
        "PostgreSQL tables in transfer are locked",
        "admin/transfer/endpoints.py",
        '        source.execute(f"LOCK TABLE {tables} IN SHARE MODE")\n',
        "        pass\n",
        MOVING,
    ),
    Mutant(
        "each batch of a transfer stores its progress",
        "admin/transfer/transfer.py",
        "                update_checkpoint(self._target, after=source.key_of(rows[-1]))\n",
        "",
        MOVING,
    ),
    Mutant(
        "no program starts on a half transferred database",
        "storage/open.py",
        "        refuse_unfinished_transfer(database)\n",
        "",
        MOVING,
    ),
    Mutant(
        "a copied file is compared with its hash",
        "admin/transfer/file_copies.py",
        "        if digest.hexdigest() == file.sha256:\n",
        "        if True:\n",
        MOVING,
    ),
    Mutant(
        "a source that changed is detected",
        "admin/transfer/transfer.py",
        '        if checkpoint["version"] != version:\n',
        "        if False:\n",
        MOVING,
    ),
    Mutant(
        "a long transaction is reported once",
        "runner/supervisor/maintenance.py",
        "transaction.seconds * REPEAT_FACTOR for key",
        "0.0 for key",
        TRANSACTIONS,
    ),
    Mutant(
        "the wait for locks is bounded",
        "storage/db/postgresql.py",
        "            connection.execute(timeouts.SESSION_SETTINGS)",
        "            pass",
        ("tests/end_to_end/test_store_outages.py",),
    ),
    Mutant(
        "the wait for locks is bounded in any session",
        "storage/db/timeouts.py",
        'EXCLUSIVE_TRANSACTION = {"lock_timeout": f"{BUSY_SECONDS:.0f}s"}',
        "EXCLUSIVE_TRANSACTION: dict[str, str] = {}",
        POOLERS,
    ),
    Mutant(
        "an idle transaction is ended",
        "storage/db/timeouts.py",
        '**EXCLUSIVE_TRANSACTION, "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s"',
        "**EXCLUSIVE_TRANSACTION",
        CUT_OFF,
    ),
    Mutant(
        "a transaction that idles after several statements is ended",
        "storage/db/pipeline.py",
        "            self._send_all()\n            self._mode.sync()\n",
        "            self._leave()\n            self._enter()\n",
        CUT_OFF,
    ),
    Mutant(
        "the reason for which a server has ended a connection is read",
        "storage/db/pipeline.py",
        "            self._require_connected()\n",
        "",
        CUT_OFF,
    ),
    Mutant(
        "the end of an idle session is not taken for a wrong query",
        "storage/db/errors.py",
        "if lost or isinstance(",
        "if isinstance(",
        CUT_OFF,
    ),
    Mutant(
        "a silent server is given up",
        "storage/db/postgresql.py",
        "{**timeouts.CONNECTION_OPTIONS, ",
        "{",
        CUT_OFF,
    ),
    Mutant(
        "a server gives up a silent client",
        "storage/db/timeouts.py",
        "SET tcp_keepalives_idle = {_PROBE_AFTER_SECONDS}",
        "SET tcp_keepalives_idle = 0",
        CUT_OFF,
    ),
    Mutant(
        "LISTEN does not use the pooler",
        "storage/open.py",
        "settings.listen_url or settings.store_url",
        "settings.store_url",
        POOLERS,
    ),
)
