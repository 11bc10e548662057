"""Guards of traces: what has happened is told, once, and to nobody where traces are off."""

from tests.mutants.mutant import Mutant

STORED = ("tests/test_trace_ends.py",)
SENT = ("tests/test_traces.py",)

TRACES = (
    Mutant(
        "what was rolled back is not told",
        "storage/ends.py",
        "        self._noted.clear()\n",
        "",
        STORED,
    ),
    Mutant(
        "what may have been stored is told",
        "storage/ends.py",
        "            self._tell_all()\n            raise\n",
        "            raise\n",
        STORED,
    ),
    Mutant(
        "only traced jobs are told of",
        "storage/ends.py",
        "if self.tell and fence.traced:",
        "if self.tell:",
        STORED,
    ),
    Mutant(
        "a wait does not begin before its job is there",
        "storage/trace_context.py",
        "max(created_at, run_at)",
        "run_at",
        STORED,
    ),
    Mutant(
        "each attempt has a span of its own",
        "storage/trace_context.py",
        'f"{kind}/{job_id}/{attempt}"',
        'f"{kind}/{job_id}"',
        STORED,
    ),
    Mutant(
        "an attempt that was lost is told",
        "storage/rescue.py",
        "with self.ends.told(), self._database.transaction():",
        "with self._database.transaction():",
        STORED,
    ),
    Mutant(
        "a submission that is answered again is not told again",
        "server/handlers/jobs.py",
        "        else:\n            self._accepted(job)\n        return kept",
        "        self._accepted(job)\n        return kept",
        SENT,
    ),
    Mutant(
        "a trace makes no other submission of the same one",
        "server/once.py",
        'del said["submitted_by"], said["traceparent"]',
        'del said["submitted_by"]',
        SENT,
    ),
    Mutant(
        "traces that are off load nothing",
        "storage/tracing.py",
        "    if not settings.traces:\n        return None\n",
        "",
        SENT,
    ),
    Mutant(
        "that spans are lost is said once",
        "storage/otlp.py",
        "if failing and not self.failing:",
        "if failing:",
        SENT,
    ),
    Mutant(
        "the last spans are sent at the end",
        "storage/otlp.py",
        "        last.join(CLOSE_SECONDS)\n",
        "",
        SENT,
    ),
    Mutant(
        "a stop does not wait for a collector for long",
        "storage/otlp.py",
        "last.join(CLOSE_SECONDS)",
        "last.join()",
        SENT,
    ),
    Mutant(
        "what is empty counts as not set for the libraries as well",
        "storage/otlp.py",
        "            del os.environ[name]\n",
        "            pass\n",
        SENT,
    ),
    Mutant(
        "an event names the runner of its own attempt",
        "storage/events.py",
        " & (AttemptRow.number == EventRow.attempt)",
        "",
        ("tests/test_events.py",),
    ),
)
