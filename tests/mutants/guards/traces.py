"""Guards of traces: each event is reported once, and none where traces are off."""

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
        "a rolled-back end is not reported",
        "storage/claims.py",
        "        self.traced.clear()\n",
        "",
        STORED,
    ),
    Mutant(
        "an end that may have been stored is reported",
        "storage/claiming/rescue.py",
        "            self.traced += self._transitions.traced\n            raise\n",
        "            raise\n",
        STORED,
    ),
    Mutant(
        "only traced jobs are reported",
        "storage/jobs/transitions.py",
        "if fence.trace_origin:",
        "if True:",
        STORED,
    ),
    Mutant(
        "a wait does not begin before its job exists",
        "storage/records/trace_context.py",
        "max(created_at, run_at)",
        "run_at",
        STORED,
    ),
    Mutant(
        "each attempt has its own span",
        "storage/records/trace_context.py",
        'f"{kind}/{job_id}/{attempt}"',
        'f"{kind}/{job_id}"',
        STORED,
    ),
    Mutant(
        "a lost attempt is reported",
        "storage/claiming/rescue.py",
        "        self.traced += self._transitions.traced\n        return rescued",
        "        return rescued",
        STORED,
    ),
    Mutant(
        "a repeated submission is not reported again",
        "server/jobs/submissions.py",
        "if span and not replayed:",
        "if span:",
        REPLAYED,
    ),
    Mutant(
        "a trace does not change the fingerprint of a submission",
        "server/jobs/admission.py",
        'del submitted["submitted_by"], submitted["traceparent"]',
        'del submitted["submitted_by"]',
        REPLAYED,
    ),
    Mutant(
        "without traces no library is loaded",
        "storage/telemetry/start_up.py",
        "    if not settings.traces:\n        return None\n",
        "",
        OFF,
    ),
    Mutant(
        "lost spans are reported once",
        "storage/telemetry/spans.py",
        "if failing and not self.failing:",
        "if failing:",
        FAILING,
    ),
    Mutant(
        "the last spans are sent at shutdown",
        "storage/telemetry/spans.py",
        "        last.join(CLOSE_SECONDS)\n",
        "",
        STOP,
    ),
    Mutant(
        "a shutdown waits only briefly for a collector",
        "storage/telemetry/spans.py",
        "last.join(CLOSE_SECONDS)",
        "last.join()",
        LONG,
    ),
    Mutant(
        "an empty variable counts as not set for the libraries as well",
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
