"""Guards of callbacks for all jobs."""

from tests.mutants.mutant import Mutant

STORED = ("tests/storage/jobs/test_service_callbacks.py",)
SENT = ("tests/server/events/test_service_callbacks.py",)

TAKEN = ("tests/server/events/test_callbacks.py",)

CALLBACKS = (
    Mutant(
        "a callback of a clock that was ahead is looked for",
        "storage/jobs/callbacks.py",
        "        self._limit.enforce()\n",
        "",
        TAKEN,
    ),
    Mutant(
        "a callback waits longer after more tries",
        "storage/jobs/callbacks.py",
        "        latest = by_tries + (now",
        "        latest = pw.Value(0) + (now",
        TAKEN,
    ),
    Mutant(
        "a callback for all jobs of a clock that was ahead is looked for",
        "storage/jobs/service_callbacks.py",
        "        self._limit.enforce()\n",
        "",
        STORED,
    ),
    Mutant(
        "of two listeners, one adds the ends to the outbox",
        "storage/jobs/service_callbacks.py",
        "            if not self._database.changed(moved):\n                return False\n",
        "            self._database.changed(moved)\n",
        STORED,
    ),
    Mutant(
        "a new end of a job makes its callback due again",
        "storage/jobs/service_callbacks.py",
        "ServiceCallbackRow.tries: 0}",
        "ServiceCallbackRow.tries: ServiceCallbackRow.tries}",
        STORED,
    ),
    Mutant(
        "a job that was retried is no end",
        "storage/jobs/service_callbacks.py",
        "if job and job.final:",
        "if job:",
        STORED,
    ),
    Mutant(
        "a listener takes only the callbacks of its file",
        "storage/jobs/service_callbacks.py",
        "            self._is_mine, ServiceCallbackRow.due_at <= self._clock()",
        "            ServiceCallbackRow.due_at <= self._clock()",
        STORED,
    ),
    Mutant(
        "an answer to an earlier try changes nothing",
        "storage/jobs/service_callbacks.py",
        "        ServiceCallbackRow.tries == tries,\n",
        "",
        STORED,
    ),
    Mutant(
        "a full page of ends has a next one",
        "storage/jobs/service_callbacks.py",
        "end = ends[-1].version if has_more else newest",
        "end = newest",
        STORED,
    ),
    Mutant(
        "a job has all tags of the filter",
        "storage/records/service_callback.py",
        " and self.tags <= set(tags)",
        " and (not self.tags or bool(self.tags & set(tags)))",
        STORED,
    ),
    Mutant(
        "two callbacks of a job have ids of their own",
        "server/events/callback_sender.py",
        'f"-{callback.name}" if callback.name else ""',
        '""',
        SENT,
    ),
    Mutant(
        "callbacks for all jobs need a secret",
        "server/settings/server.py",
        "problems = [_NEEDS_SECRET] if _lacks_secret(info) else []",
        "problems: list[str] = []",
        SENT,
    ),
    Mutant(
        "a name occurs once in the file",
        "server/http/strict_json.py",
        "    if len(members) == len(pairs):",
        "    if True:",
        SENT,
    ),
    Mutant(
        "a user in the URL is refused",
        "server/settings/callbacks_file.py",
        ' and "@" not in parts.netloc',
        "",
        SENT,
    ),
)
