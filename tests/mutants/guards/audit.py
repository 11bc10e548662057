"""Guards of the audit log."""

from tests.mutants.mutant import Mutant

LOG = ("tests/storage/audit/test_audit_log.py",)
API = ("tests/server/api/test_audit.py",)
TOKENS = ("tests/server/auth/test_token_commands.py",)

AUDIT = (
    Mutant(
        "only a cancel that was made is recorded",
        "storage/store.py",
        "                if self._transitions.cancel(job_id, now, by):\n",
        "                if self._transitions.cancel(job_id, now, by) or True:\n",
        LOG,
    ),
    Mutant(
        "only a change of a queued job is recorded",
        "storage/store.py",
        "            if changed:\n                detail",
        "            if True:\n                detail",
        LOG,
    ),
    Mutant(
        "the jobs of a batch are not recorded as submissions",
        "storage/store.py",
        "if job.actor and job.batch_id is None]",
        "if job.actor]",
        LOG,
    ),
    Mutant(
        "submissions are recorded only if that is asked for",
        "storage/store.py",
        "        if self._audits_submissions:\n",
        "        if True:\n",
        LOG,
    ),
    Mutant(
        "nothing is recorded without an actor",
        "storage/audit/record.py",
        "        if actor is not None\n",
        "",
        LOG,
    ),
    Mutant(
        "only jobs that a bulk call has changed are recorded",
        "storage/queries/bulk.py",
        "[job_id for job_id in ids if change.apply(job_id, now)]",
        "[job_id for job_id in ids if change.apply(job_id, now) or True]",
        LOG,
    ),
    Mutant(
        "a bulk call that changes nothing is not recorded",
        "storage/queries/bulk.py",
        "        if changed and change.actor:\n",
        "        if change.actor:\n",
        LOG,
    ),
    Mutant(
        "a filter for an action that is never recorded is refused",
        "server/api/audit.py",
        "        if text not in names:\n",
        "        if False:\n",
        API,
    ),
    Mutant(
        "a command does not open the store of another user",
        "storage/audit/log.py",
        "    if owner != os.geteuid():\n",
        "    if False:\n",
        TOKENS,
    ),
    Mutant(
        "a token is created even if that cannot be recorded",
        "server/start/token_commands.py",
        '    except (StoreError, SettingsError) as error:\n        sys.stderr.write(f"the audit',
        '    except ZeroDivisionError as error:\n        sys.stderr.write(f"the audit',
        TOKENS,
    ),
    Mutant(
        "only old entries are deleted",
        "storage/audit/log.py",
        '    is_old = AuditRow.id < parameter(AuditRow.id, "first")\n',
        '    is_old = AuditRow.id > parameter(AuditRow.id, "first")\n',
        LOG,
    ),
    Mutant(
        "only admins may read the log",
        "server/api/audit.py",
        "role=Role.ADMIN",
        "role=Role.READ",
        API,
    ),
    Mutant(
        "AUDIT=off records nothing",
        "server/start/authentication.py",
        '        settings.audit != "off",',
        "        True,",
        API,
    ),
)
