"""Guards of the doctor: what it must not miss, must not change, and must not delete."""

from tests.mutants.mutant import Mutant

COUNTERS = ("tests/admin/store_checks/test_counters.py",)
ORPHANS = ("tests/admin/store_checks/test_orphans.py",)
STRANDED = ("tests/admin/store_checks/test_stranded.py",)
FILES = ("tests/storage/ownership/test_stored_files.py",)
STORE = ("tests/admin/doctor/test_store.py",)
MACHINE = ("tests/admin/doctor/test_machine.py",)
TRIALS = ("tests/admin/doctor/test_trials.py",)
BUNDLE = ("tests/admin/test_support_bundle.py",)
SETTINGS = ("tests/admin/doctor/test_settings.py",)
LOST = ("tests/storage/liveness/test_lost_runners.py",)
SIGN_IN = ("tests/admin/doctor/test_sign_in.py",)

DOCTOR = (
    Mutant(
        "a place of backups that cannot be written to is found",
        "admin/doctor/checks/backups.py",
        "with tempfile.TemporaryFile(dir=folder):",
        "if folder:",
        STORE,
    ),
    Mutant(
        "retries by clients count as begun jobs",
        "admin/store_checks/counters.py",
        '_BEGUN = ("submitted", "client_retry")',
        '_BEGUN = ("submitted",)',
        COUNTERS,
    ),
    Mutant(
        "a version never becomes smaller by a repair",
        "admin/store_checks/counters.py",
        "is_behind = IS_VERSION, CounterRow.value < version",
        "is_behind = (IS_VERSION,)",
        COUNTERS,
    ),
    Mutant(
        "a repair deletes only rows without a job",
        "admin/store_checks/orphans.py",
        '_LONE = "NOT EXISTS (SELECT 1 FROM job WHERE job.id = {table}.job_id)"',
        '_LONE = "1 = 1 OR {table}.job_id IS NULL"',
        ORPHANS,
    ),
    Mutant(
        "queries of the doctor end after their time",
        "admin/store_checks/reading.py",
        "        if self._is_over():\n",
        "        if False:\n",
        ORPHANS,
    ),
    Mutant(
        "a missing queue strands its jobs",
        "admin/doctor/checks/stranded_jobs.py",
        "    if queue not in queues:\n",
        "    if False:\n",
        STRANDED,
    ),
    Mutant(
        "a file of another size counts as missing",
        "storage/ownership/stored_files.py",
        "if size_of(uploads, file) != size:",
        "if size_of(uploads, file) is None:",
        FILES,
    ),
    Mutant(
        "the doctor sees that the folder of stored files is lost",
        "admin/doctor/checks/consistency.py",
        "    if has_files(subject.database):\n",
        "    if False:\n",
        STORE,
    ),
    Mutant(
        "the checks of the doctor make no folder for uploads",
        "admin/doctor/checks/consistency.py",
        '    if folder and not (folder / "files").is_dir():\n',
        "    if False:\n",
        STORE,
    ),
    Mutant(
        "files in a private folder are not open to others",
        "admin/doctor/checks/permissions.py",
        "all(map(_has_mode_for_others, (path, *above)))",
        "_has_mode_for_others(path)",
        MACHINE,
    ),
    Mutant(
        "a file with tokens, not only hashes of them, is no file for all",
        "admin/doctor/checks/permissions.py",
        "return all(_HASHED.search(line)",
        "return any(_HASHED.search(line)",
        MACHINE,
    ),
    Mutant(
        "known secrets are removed from a bundle",
        "admin/support_bundle/redaction.py",
        "            text = self._known.sub(REMOVED, text)\n",
        "            pass\n",
        BUNDLE,
    ),
    Mutant(
        "passwords in addresses are removed from a bundle",
        "admin/support_bundle/redaction.py",
        "        text = _PASSWORD.sub(REMOVED, text)\n",
        "",
        BUNDLE,
    ),
    Mutant(
        "texts of jobs are removed from logs in a bundle",
        "admin/support_bundle/logs.py",
        "for k, v in entry.items() if k not in OF_JOBS}",
        "for k, v in entry.items()}",
        BUNDLE,
    ),
    Mutant(
        "lines that jobs print are not in a bundle",
        "admin/support_bundle/logs.py",
        'isinstance(entry, dict) and "message" in entry and "level" in entry',
        "isinstance(entry, dict)",
        BUNDLE,
    ),
    Mutant(
        "an address of IPv6 has brackets in a URL",
        "admin/doctor/findings/subject.py",
        'f"[{local}]" if ":" in local else local',
        "local",
        MACHINE,
    ),
    Mutant(
        "each address of HOST is checked for other programs",
        "admin/doctor/checks/ports.py",
        "for each in _addresses(host, port) if",
        "for each in _addresses(host, port)[:1] if",
        MACHINE,
    ),
    Mutant(
        "process ids of containers are named to nobody outside",
        "admin/doctor/checks/stranded_jobs.py",
        "_CONTAINER_ID.fullmatch(host) or is_in_container()",
        "False",
        MACHINE,
    ),
    Mutant(
        "a provider that says nothing delays the doctor for a second only",
        "admin/doctor/checks/sign_in.py",
        "    thread.join(seconds)\n",
        "    thread.join()\n",
        SIGN_IN,
    ),
    Mutant(
        "the doctor compares the issuer as a listener does",
        "admin/doctor/checks/sign_in.py",
        "            if problem is None:\n",
        "            if True:\n",
        SIGN_IN,
    ),
    Mutant(
        "a runner that has registered again is not shown as lost",
        "storage/liveness/lost_runners.py",
        ' if process_of(row["name"]) not in names]',
        "]",
        LOST,
    ),
    Mutant(
        "a worker that was lost is in the log of lost runners",
        "storage/claiming/rescue.py",
        "            record_lost_runner(self._database,",
        "            (lambda *_: None)(self._database,",
        LOST,
    ),
    Mutant(
        "invalid settings are findings and end nothing",
        "admin/commands/main.py",
        'getattr(arguments, "reads_settings", True)',
        "True",
        SETTINGS,
    ),
    Mutant(
        "variables of the environment override a file of settings",
        "admin/commands/options.py",
        "os.environ.setdefault(name, value)",
        "os.environ[name] = value",
        SETTINGS,
    ),
    Mutant(
        "a log of a bundle that cannot be read is refused",
        "admin/commands/support_bundle.py",
        "    _require_logs(arguments.log)\n",
        "",
        BUNDLE,
    ),
    Mutant(
        "programs of a trial get no setting of the installation",
        "admin/doctor/chaos.py",
        '    names |= {f"{name}_FILE" for name in names}\n',
        "    names -= {*names}\n",
        TRIALS,
    ),
    Mutant(
        "a promise that was not tried is not called kept",
        "tests/system/chaos/report.py",
        "counts.get(NEEDS[code], 0) if code in NEEDS else acknowledged",
        "True",
        TRIALS,
    ),
)
