"""Guards in the loop of the worker and in the listener."""

from tests.mutants.mutant import Mutant

WHOLE = ("tests/end_to_end/test_programs.py", "tests/end_to_end/test_worker_faults.py")
HOLDS_LOCK = (
    "tests/end_to_end/test_worker_faults.py"
    "::test_all_processes_of_a_worker_hold_its_lock_for_as_long_as_they_live"
)
INPUT = ("tests/server/handlers/test_bad_input.py",)
STOP = ("tests/end_to_end/test_listener_stop.py",)
UPLOADS = ("tests/server/handlers/test_uploads.py",)
FILE_PART = ("tests/server/upload/test_file_part.py",)

PROGRAMS = (
    Mutant(
        "a connection that is not read does not keep the loop busy",
        "server/http/connection.py",
        " or self._early_events == MAX_EARLY_EVENTS or",
        " or",
        ("tests/server/http/test_connection.py",),
    ),
    Mutant(
        "a worker with unreadable settings exits like its settings reader",
        "storage/settings/child.py",
        "        sys.exit(child.exitcode)\n",
        "        sys.exit(0)\n",
        ("tests/storage/settings/test_child.py",),
    ),
    Mutant(
        "a worker does not load Pydantic",
        "runner/__main__.py",
        "    settings = read_in_child(_settings)\n",
        "    settings = _settings()\n",
        ("tests/storage/settings/test_child.py",),
    ),
    Mutant(
        "all processes of a runner hold its lock",
        "runner/worker.py",
        "keep_fds=liveness.descriptors,",
        "keep_fds=(),",
        (HOLDS_LOCK,),
    ),
    Mutant(
        "keepers enforce the end of the lease",
        "runner/pool/keeper/watch.py",
        "if self._watched.lease.seconds_left() == 0.0:",
        "if False:",
        ("tests/runner/pool/test_process_deaths.py",),
    ),
    Mutant(
        "keepers begin no call after the end of the lease",
        "runner/pool/keeper/keeper.py",
        "if request is None or self._watched.lease.seconds_left() == 0.0:",
        "if request is None:",
        ("tests/runner/pool/test_process_deaths.py",),
    ),
    Mutant(
        "keepers know the end of the lease",
        "runner/supervisor/supervisor.py",
        "            self._pool.lease.end_at(self._liveness.safe_until())",
        "",
        WHOLE,
    ),
    Mutant(
        "a runner that lost its lease registers again",
        "runner/supervisor/supervisor.py",
        "if self._registered and steady_now() >= self._liveness.safe_until():",
        "if False:",
        WHOLE,
    ),
    Mutant(
        "after an uncertain commit the runner asks which jobs it holds",
        "runner/supervisor/supervisor.py",
        "self._must_reconcile = True",
        "self._must_reconcile = False",
        WHOLE,
    ),
    Mutant(
        "an end that could not be stored is stored later",
        "runner/supervisor/supervisor.py",
        "        def apply_changes(claim: ClaimCall)",
        "        ended, self._unsettled = self._unsettled, []\n\n"
        "        def apply_changes(claim: ClaimCall)",
        WHOLE,
    ),
    Mutant(
        "a drain claims no more",
        "runner/supervisor/supervisor.py",
        "if self._drain_until is None else NO_CAPACITY",
        "",
        WHOLE,
    ),
    Mutant(
        "a drain is bounded",
        "runner/supervisor/work.py",
        "self._running_jobs.kill_all(KillReason.RELEASE)",
        "pass",
        WHOLE,
    ),
    Mutant(
        "a job with a requested cancel is killed",
        "runner/supervisor/work.py",
        "self._running_jobs.kill(fence, KillReason.CANCEL)\n                self._split_jobs",
        "pass\n                self._split_jobs",
        WHOLE,
    ),
    Mutant(
        "canceled is written only when the process is gone",
        "runner/supervisor/work.py",
        "self._running_jobs.kill(fence, KillReason.CANCEL)\n                self._split_jobs",
        "jobs = __import__('storage.records.job', fromlist=['']); "
        "self._claims.confirm_cancel(fence, jobs.AttemptEnd(jobs.Outcome.CANCELED))\n"
        "                self._split_jobs",
        WHOLE,
    ),
    Mutant(
        "a job that was asked to cancel is canceled by its error",
        "runner/supervisor/settle.py",
        "return accepted or self._claims.confirm_cancel(running.fence, end)",
        "return accepted",
        ("tests/runner/supervisor/test_settle.py",),
    ),
    Mutant(
        "an error that would recur is not retried",
        "runner/supervisor/settle.py",
        "if retryable and retries <= running.job.max_retries:",
        "if retries <= running.job.max_retries:",
        WHOLE,
    ),
    Mutant(
        "retries are limited",
        "runner/supervisor/settle.py",
        "if retryable and retries <= running.job.max_retries:",
        "if retryable:",
        WHOLE,
    ),
    Mutant(
        "a job that lost its keeper uses no retry",
        "runner/supervisor/settle.py",
        "if end.outcome is Outcome.LOST:",
        "if False:",
        ("tests/runner/supervisor/test_settle.py",),
    ),
    Mutant(
        "a job that was lost without fault is released",
        "runner/supervisor/settle.py",
        'if outcome.kind == "lost" and outcome.not_at_fault:',
        "if False:",
        WHOLE,
    ),
    Mutant(
        "the response comes after the commit",
        "server/jobs/enqueue.py",
        "job_id = await services.enqueue_batcher.call(job)",
        "__import__('asyncio').ensure_future(services.enqueue_batcher.call(job)); job_id = job.id",
        ("tests/server/handlers/test_jobs.py",),
    ),
    Mutant(
        "bodies have a maximum size",
        "server/http/body.py",
        "if len(self._text) > self._limit:",
        "if False:",
        INPUT,
    ),
    Mutant(
        "the file of a client that disconnected is removed",
        "server/upload/file_part.py",
        "await self._run_blocking(self._writer.abort)",
        "pass",
        UPLOADS,
    ),
    Mutant(
        "a file has at most two buffers in memory",
        "server/upload/file_part.py",
        "        await self._wait_for_batch()\n        self._require_space",
        "        self._require_space",
        FILE_PART,
    ),
    Mutant(
        "a file is not finished before its last buffer is written",
        "server/upload/file_part.py",
        "            await self._write_batch()\n        await self._wait_for_batch()\n",
        "            await self._write_batch()\n",
        FILE_PART,
    ),
    Mutant(
        "a file is not removed while a buffer is being written",
        "server/upload/file_part.py",
        "            await asyncio.wait([self._writing])\n",
        "            pass\n",
        FILE_PART,
    ),
    Mutant(
        "a helper that is far ahead waits with its result",
        "runner/analysis/parallel/processes.py",
        "return number == self.next_number or self._held_bytes + size <= MAX_HELD_BYTES",
        "return True",
        ("tests/analysis/test_ranges.py",),
    ),
    Mutant(
        "all samples together are bounded",
        "runner/analysis/run.py",
        "min(options.samples, max(1, _MAX_SAMPLES // patterns))",
        "options.samples",
        ("tests/analysis/test_memory.py",),
    ),
    Mutant(
        "all histograms together are bounded",
        "runner/analysis/run.py",
        "max(_MIN_BUCKETS, _MAX_BUCKETS // patterns)",
        "_MAX_BUCKETS",
        ("tests/analysis/test_memory.py",),
    ),
    Mutant(
        "a compressed file that expands too much is refused",
        "runner/analysis/input/compressed.py",
        "if maximum is not None and total > maximum:",
        "if False:",
        ("tests/analysis/test_open_source.py", "tests/end_to_end/test_programs.py"),
    ),
    Mutant(
        "a worker passes the limits of expansion to its jobs",
        "runner/worker.py",
        ", settings.max_data_bytes, settings.max_data_ratio)",
        ")",
        ("tests/end_to_end/test_programs.py",),
    ),
    Mutant(
        "zstd with a large window is refused",
        "runner/analysis/input/formats.py",
        "zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG",
        "zstd.DecompressionParameter.window_log_max: 31",
        ("tests/analysis/test_open_source.py",),
    ),
    Mutant(
        "xz with a large dictionary is refused",
        "runner/analysis/input/formats.py",
        ", memlimit=MAX_DECODER_BYTES)",
        ")",
        ("tests/analysis/test_open_source.py",),
    ),
    Mutant(
        "uploads have their own threads",
        "server/jobs/services.py",
        "run_in_executor(self._file_threads, call)",
        "run_in_executor(self._threads, call)",
        UPLOADS,
    ),
    Mutant(
        "simultaneous uploads share their memory",
        "server/upload/file_part.py",
        "max(MIN_BATCH_BYTES, min(BUFFER_BYTES, MEMORY_BUDGET_BYTES // (2 * len(_arriving))))",
        "BUFFER_BYTES",
        FILE_PART,
    ),
    Mutant(
        "a buffer that is being written is not overwritten",
        "server/upload/file_part.py",
        "        self._spare = batch\n",
        "        self._spare = self._collecting\n",
        FILE_PART,
    ),
    Mutant(
        "responses of a stopping listener end their connections",
        "server/handlers/base.py",
        "        if self.services.stopping:\n",
        "        if False:\n",
        STOP,
    ),
    Mutant(
        "the fast path of a stopping listener ends its connections",
        "server/fast/parser.py",
        "if request.headers.closes or self.services.stopping:",
        "if request.headers.closes:",
        STOP,
    ),
    Mutant(
        "an idle connection of a stopping listener may carry a last request",
        "server/http/acceptor.py",
        "if waited >= idle_seconds:",
        "if True:",
        STOP,
    ),
    Mutant(
        "a connection that has begun a request is not idle",
        "server/http/connection.py",
        "and not self.writing() and untouched",
        "and not self.writing()",
        STOP,
    ),
    Mutant(
        "the backlog is accepted before the sockets are closed",
        "server/http/acceptor.py",
        "            self._accept(listening)\n        self._shut",
        "            pass\n        self._shut",
        ("tests/server/http/test_acceptor.py",),
    ),
)
