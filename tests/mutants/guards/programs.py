"""Guards in the loop of the worker and in the listener."""

from tests.mutants.mutant import Mutant

WHOLE = ("tests/end_to_end/test_programs.py", "tests/end_to_end/test_worker_faults.py")
HOLDS_LOCK = (
    "tests/end_to_end/test_worker_faults.py"
    "::test_all_processes_of_a_worker_hold_its_lock_for_as_long_as_they_live"
)
FULL_DEV_SHM = (
    "tests/end_to_end/test_disk_full.py"
    "::test_a_worker_that_starts_with_a_full_dev_shm_waits_for_room"
)
INPUT = ("tests/server/handlers/test_bad_input.py",)
STOP = ("tests/end_to_end/test_listener_stop.py",)
SYSTEMD = ("tests/end_to_end/test_systemd_protocols.py",)
UPLOADS = ("tests/server/api/uploads/test_uploads.py",)
FILE_PART = ("tests/server/api/uploads/test_file_part.py",)

WITH_WORKER = ("tests/end_to_end/test_with_worker.py",)

PROGRAMS = (
    Mutant(
        "programs on SQLite do not load psycopg",
        "storage/settings/drivers.py",
        "if postgresql or ",
        "if True or ",
        ("tests/storage/settings/test_drivers.py",),
    ),
    Mutant(
        "a connection that is not read does not keep the loop busy",
        "server/http/connections/connection.py",
        " or self._early_events == MAX_EARLY_EVENTS or",
        " or",
        ("tests/server/http/test_connection.py",),
    ),
    Mutant(
        "a program that starts heeds a stop signal",
        "storage/settings/stop_signals.py",
        "        if self.received():\n",
        "        if False:\n",
        ("tests/end_to_end/test_early_signals.py",),
    ),
    Mutant(
        "a listener that waits for its database heeds a stop signal",
        "server/start/listener.py",
        "open_store(settings, give_up=signals.received)",
        "open_store(settings)",
        ("tests/end_to_end/test_early_signals.py",),
    ),
    Mutant(
        "a program waits for room while it opens the store",
        "storage/records/job.py",
        "    errno.ENOSPC: StoreFull,\n",
        "",
        ("tests/storage/test_open.py",),
    ),
    Mutant(
        "a program does not wait for ever for a store that may not exist",
        "storage/open.py",
        "min(timeout, MISTAKE_SECONDS) if",
        "timeout if",
        ("tests/storage/test_open.py",),
    ),
    Mutant(
        "a listener opens the store after all checks",
        "server/start/listener.py",
        "        require_storable_uploads(settings)\n",
        "        store = open_store(settings)\n        require_storable_uploads(settings)\n",
        ("tests/end_to_end/test_start_order.py",),
    ),
    Mutant(
        "a worker opens the store after its job types",
        "runner/worker.py",
        "        work_place = open_when",
        "        open_store(settings)\n        work_place = open_when",
        ("tests/end_to_end/test_start_order.py",),
    ),
    Mutant(
        "sockets of another process are left alone",
        "server/start/listening.py",
        "if pid != str(os.getpid()) or not count.isdecimal():",
        "if not count.isdecimal():",
        ("tests/server/start/test_inherited.py",),
    ),
    Mutant(
        "a listener uses the socket that systemd keeps open",
        "server/start/listener.py",
        "sockets = inherited or bind_to(settings)",
        "sockets = bind_to(settings)",
        SYSTEMD,
    ),
    Mutant(
        "a watched listener says that its event loop runs",
        "server/start/listener.py",
        "            manager.alive()\n",
        "",
        SYSTEMD,
    ),
    Mutant(
        "a watched worker says that its main loop runs",
        "runner/worker.py",
        "        manager.alive()\n",
        "",
        SYSTEMD,
    ),
    Mutant(
        "a worker asks systemd for the time of its drain",
        "storage/telemetry/service_manager.py",
        ', f"{EXTEND}{microseconds}"',
        "",
        SYSTEMD,
    ),
    Mutant(
        "no message is sent in the name of another process",
        "storage/telemetry/service_manager.py",
        "period.isdecimal() and pid in",
        "period.isdecimal() or pid in",
        ("tests/storage/telemetry/test_service_manager.py",),
    ),
    Mutant(
        "a worker waits for room in /dev/shm",
        "runner/worker.py",
        'PASSING.get(getattr(error.__cause__, "errno", 0))',
        "PASSING.get(0)",
        (FULL_DEV_SHM,),
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
        "        if self._lease.seconds_left() == 0.0:\n",
        "        if False:\n",
        ("tests/runner/pool/test_process_deaths.py",),
    ),
    Mutant(
        "keepers begin no call after the end of the lease",
        "runner/pool/keeper/keeper.py",
        "        if self._lease.seconds_left() == 0.0:\n",
        "        if False:\n",
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
        "if self.is_registered and steady_now() >= self._liveness.safe_until():",
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
        "        claimed, settlements = self._run_claim_transaction(",
        "        self._unsettled = []\n        claimed, settlements = self._run_claim_transaction(",
        WHOLE,
    ),
    Mutant(
        "a drain claims no more",
        "runner/supervisor/supervisor.py",
        "NO_CAPACITY if is_draining else ",
        "",
        WHOLE,
    ),
    Mutant(
        "a drain is bounded",
        "runner/supervisor/supervisor.py",
        "        if self._drain_until is not None and time.monotonic() >= self._drain_until:",
        "        if False:",
        WHOLE,
    ),
    Mutant(
        "a job with a requested cancel is killed",
        "runner/supervisor/supervisor.py",
        "                self._running_jobs.kill(fence, KillReason.CANCEL)\n",
        "                pass\n",
        WHOLE,
    ),
    Mutant(
        "canceled is written only when the process is gone",
        "runner/supervisor/supervisor.py",
        "self._running_jobs.kill(fence, KillReason.CANCEL)\n",
        "from storage.jobs.transitions import CONFIRM_CANCEL, AttemptOutcome, Settlement\n"
        "                ended = Settlement(CONFIRM_CANCEL, fence, AttemptOutcome('canceled'))\n"
        "                self._claims.settle_and_claim([ended])\n",
        WHOLE,
    ),
    Mutant(
        "a job that was asked to cancel is canceled by its error",
        "storage/jobs/transitions.py",
        "if not accepted[index] and (outcome := each.if_canceled)",
        "if False and (outcome := each.if_canceled)",
        ("tests/runner/supervisor/test_settle.py",),
    ),
    Mutant(
        "an error that would recur is not retried",
        "runner/supervisor/running_jobs.py",
        "if outcome.retryable and retries <= job.max_retries:",
        "if retries <= job.max_retries:",
        WHOLE,
    ),
    Mutant(
        "retries are limited",
        "runner/supervisor/running_jobs.py",
        "if outcome.retryable and retries <= job.max_retries:",
        "if outcome.retryable:",
        WHOLE,
    ),
    Mutant(
        "a job that lost its keeper uses no retry",
        "runner/supervisor/running_jobs.py",
        '    if outcome.kind == "lost":\n',
        "    if False:\n",
        ("tests/runner/supervisor/test_settle.py",),
    ),
    Mutant(
        "a job that was lost without fault is released",
        "runner/supervisor/running_jobs.py",
        'if outcome.kind == "lost" and outcome.not_at_fault:',
        "if False:",
        WHOLE,
    ),
    Mutant(
        "the response comes after the commit",
        "server/jobs/submissions.py",
        "stored: UUID | Refused = await self._enqueue.call(job)",
        "__import__('asyncio').ensure_future(self._enqueue.call(job)); stored = job.id",
        ("tests/server/api/jobs/test_jobs.py",),
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
        "server/api/uploads/file_part.py",
        "await self._run_blocking(self._writer.abort)",
        "pass",
        UPLOADS,
    ),
    Mutant(
        "a file has at most two buffers in memory",
        "server/api/uploads/file_part.py",
        "        await self._wait_for_batch()\n        self._require_space",
        "        self._require_space",
        FILE_PART,
    ),
    Mutant(
        "a file is not finished before its last buffer is written",
        "server/api/uploads/file_part.py",
        "            await self._write_batch()\n        await self._wait_for_batch()\n",
        "            await self._write_batch()\n",
        FILE_PART,
    ),
    Mutant(
        "a file is not removed while a buffer is being written",
        "server/api/uploads/file_part.py",
        "            await asyncio.wait([self._writing])\n",
        "            pass\n",
        FILE_PART,
    ),
    Mutant(
        "a helper that is far ahead waits with its result",
        "loganalysis/scan/helper_processes.py",
        "begun < min(count, done + RANGES_AHEAD * len(helpers))",
        "begun < count",
        ("tests/loganalysis/test_ranges.py",),
    ),
    Mutant(
        "all samples together are bounded",
        "loganalysis/scan/options.py",
        "min(options.samples, max(1, most // patterns))",
        "options.samples",
        ("tests/loganalysis/test_memory.py",),
    ),
    Mutant(
        "pages that were scanned are released",
        "loganalysis/read/mapped.py",
        "            self._release(self._pages, first)",
        "            pass",
        ("tests/loganalysis/test_memory.py",),
    ),
    Mutant(
        "all histograms together are bounded",
        "loganalysis/scan/options.py",
        "max(_MIN_BUCKETS, _MAX_BUCKETS // patterns)",
        "_MAX_BUCKETS",
        ("tests/loganalysis/test_memory.py",),
    ),
    Mutant(
        "a compressed file that expands too much is refused",
        "loganalysis/read/open_source.py",
        "if self.max_total_bytes is not None and data_bytes > self.max_total_bytes:",
        "if False:",
        ("tests/loganalysis/test_open_source.py", "tests/runner/job_types/test_analyze.py"),
    ),
    Mutant(
        "an analysis has the limits of expansion of its context",
        "runner/job_types/analyze.py",
        "DecompressionLimits(context.max_data_bytes, context.max_data_ratio)",
        "DecompressionLimits()",
        ("tests/runner/job_types/test_analyze.py",),
    ),
    Mutant(
        "zstd with a large window is refused",
        "loganalysis/read/formats.py",
        "zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG",
        "zstd.DecompressionParameter.window_log_max: 31",
        ("tests/loganalysis/test_open_source.py",),
    ),
    Mutant(
        "xz with a large dictionary is refused",
        "loganalysis/read/formats.py",
        ", memlimit=MAX_DECODER_BYTES)",
        ")",
        ("tests/loganalysis/test_open_source.py",),
    ),
    Mutant(
        "uploads have their own threads",
        "server/start/app.py",
        "run_in_executor(self._file_threads, call)",
        "run_in_executor(self.threads._any, call)",
        UPLOADS,
    ),
    Mutant(
        "simultaneous uploads share their memory",
        "server/api/uploads/file_part.py",
        "max(MIN_BATCH_BYTES, min(BUFFER_BYTES, MEMORY_BUDGET_BYTES // (2 * len(_arriving))))",
        "BUFFER_BYTES",
        FILE_PART,
    ),
    Mutant(
        "a buffer that is being written is not overwritten",
        "server/api/uploads/file_part.py",
        "        self._spare = batch\n",
        "        self._spare = self._collecting\n",
        FILE_PART,
    ),
    Mutant(
        "responses of a stopping listener end their connections",
        "server/handlers/base.py",
        "        if self.activity.stopping:\n",
        "        if False:\n",
        STOP,
    ),
    Mutant(
        "the fast path of a stopping listener ends its connections",
        "server/http/fast_path/path.py",
        "if request.headers.closes or self.activity.stopping:",
        "if request.headers.closes:",
        STOP,
    ),
    Mutant(
        "an idle connection of a stopping listener may carry a last request",
        "server/http/connections/acceptor.py",
        "if waited >= idle_seconds:",
        "if True:",
        STOP,
    ),
    Mutant(
        "a connection that has begun a request is not idle",
        "server/http/connections/connection.py",
        "and not self.writing() and untouched",
        "and not self.writing()",
        STOP,
    ),
    Mutant(
        "the backlog is accepted before the sockets are closed",
        "server/http/connections/acceptor.py",
        "            self._accept(listening)\n        self._shut",
        "            pass\n        self._shut",
        ("tests/server/http/test_acceptor.py",),
    ),
    Mutant(
        "Ctrl-C reaches both programs once",
        "server/start/with_worker.py",
        "start_new_session=True",
        "start_new_session=False",
        WITH_WORKER,
    ),
    Mutant(
        "a program that ends stops the other",
        "server/start/with_worker.py",
        """extra={"exit_code": code})
            self.stop()
""",
        """extra={"exit_code": code})
""",
        WITH_WORKER,
    ),
    Mutant(
        "a program that ends unasked is a failure",
        "server/start/with_worker.py",
        "code = code or 1",
        "pass",
        WITH_WORKER,
    ),
    Mutant(
        "both programs end with the process that watches them",
        "server/start/with_worker.py",
        "        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM))\n",
        "",
        WITH_WORKER,
    ),
    Mutant(
        "Ctrl-C does not reach make",
        "server/start/with_worker.py",
        "    os.tcsetpgrp(0, os.getpid())\n",
        "",
        WITH_WORKER,
    ),
)
