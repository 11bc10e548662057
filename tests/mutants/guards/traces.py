"""Guards of traces: what has happened is told, once, and to nobody where traces are off."""

from tests.mutants.mutant import Mutant

STORED = ("tests/storage/telemetry/test_attempt_spans.py",)
REPLAYED = ("tests/end_to_end/test_traces.py::test_only_accepted_submissions_have_spans",)
OFF = (
    "tests/end_to_end/test_traces.py"
    "::test_without_traces_no_library_is_loaded_and_jobs_get_no_traceparent",
)
FAILING = (
    "tests/end_to_end/test_traces.py::test_a_failing_collector_disturbs_no_job_and_is_logged_once",
)
STOP = ("tests/end_to_end/test_traces.py::test_a_program_that_stops_sends_its_remaining_spans",)
LONG = (
    "tests/end_to_end/test_traces.py"
    "::test_a_program_that_stops_does_not_wait_long_for_the_collector",
)
EMPTY = (
    "tests/end_to_end/test_traces.py"
    "::test_headers_are_read_from_a_file_and_the_service_name_can_be_set",
)

TRACES = (
    Mutant(
        "what was rolled back is not told",
        "storage/records/attempt_ends.py",
        "        self._recorded.clear()\n",
        "",
        STORED,
    ),
    Mutant(
        "what may have been stored is told",
        "storage/records/attempt_ends.py",
        "            self._publish()\n            raise\n",
        "            raise\n",
        STORED,
    ),
    Mutant(
        "only traced jobs are told of",
        "storage/records/attempt_ends.py",
        "if self.subscriber and fence.trace_origin:",
        "if self.subscriber:",
        STORED,
    ),
    Mutant(
        "a wait does not begin before its job is there",
        "storage/records/trace_context.py",
        "max(created_at, run_at)",
        "run_at",
        STORED,
    ),
    Mutant(
        "each attempt has a span of its own",
        "storage/records/trace_context.py",
        'f"{kind}/{job_id}/{attempt}"',
        'f"{kind}/{job_id}"',
        STORED,
    ),
    Mutant(
        "an attempt that was lost is told",
        "storage/claiming/rescue.py",
        "            self.settled.publish_after_commit(),\n",
        "",
        STORED,
    ),
    Mutant(
        "a submission that is answered again is not told again",
        "server/handlers/jobs.py",
        "        else:\n            self._send_span(job)\n        return stored",
        "        self._send_span(job)\n        return stored",
        REPLAYED,
    ),
    Mutant(
        "a trace makes no other submission of the same one",
        "server/store/idempotency.py",
        'del submitted["submitted_by"], submitted["traceparent"]',
        'del submitted["submitted_by"]',
        REPLAYED,
    ),
    Mutant(
        "traces that are off load nothing",
        "storage/telemetry/tracing.py",
        "    if not settings.traces:\n        return None\n",
        "",
        OFF,
    ),
    Mutant(
        "that spans are lost is said once",
        "storage/telemetry/exporter.py",
        "if failing and not self.failing:",
        "if failing:",
        FAILING,
    ),
    Mutant(
        "the last spans are sent at the end",
        "storage/telemetry/exporter.py",
        "        last.join(CLOSE_SECONDS)\n",
        "",
        STOP,
    ),
    Mutant(
        "a stop does not wait for a collector for long",
        "storage/telemetry/exporter.py",
        "last.join(CLOSE_SECONDS)",
        "last.join()",
        LONG,
    ),
    Mutant(
        "what is empty counts as not set for the libraries as well",
        "storage/telemetry/spans.py",
        "            del os.environ[name]\n",
        "            pass\n",
        EMPTY,
    ),
    Mutant(
        "an event names the runner of its own attempt",
        "storage/jobs/events.py",
        " & (AttemptRow.number == EventRow.attempt)",
        "",
        ("tests/storage/jobs/test_events.py",),
    ),
)
