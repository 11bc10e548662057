"""Guards in the loop of the worker and in the listener."""

from tests.mutants.mutant import Mutant

WHOLE = ("tests/test_end_to_end.py", "tests/test_worker_faults.py")
HOLDS_LOCK = (
    "tests/test_worker_faults.py"
    "::test_all_processes_of_a_worker_hold_its_lock_for_as_long_as_they_live"
)
INPUT = ("tests/test_api_input.py",)
UPLOADS = ("tests/test_api_uploads.py",)
FILE_PART = ("tests/test_file_part.py",)

PROGRAMS = (
    Mutant(
        "all processes of a runner hold its lock",
        "runner/worker.py",
        "keep_fds=liveness.descriptors,",
        "keep_fds=(),",
        (HOLDS_LOCK,),
    ),
    Mutant(
        "keepers heed the end of the lease",
        "runner/watch.py",
        "if self._ears.lease.left() == 0.0:",
        "if False:",
        ("tests/test_pool_ends.py",),
    ),
    Mutant(
        "keepers take no call after the end of the lease",
        "runner/keeper.py",
        "if self._ears.lease.left() == 0.0:",
        "if False:",
        ("tests/test_pool_ends.py",),
    ),
    Mutant(
        "the end of the lease is told to the keepers",
        "runner/supervisor.py",
        "            self._pool.lease.end_at(self._liveness.safe_until())",
        "",
        WHOLE,
    ),
    Mutant(
        "a runner that lost its lease starts anew",
        "runner/supervisor.py",
        "if self._registered and steady_now() >= self._liveness.safe_until():",
        "if False:",
        WHOLE,
    ),
    Mutant(
        "after a doubtful commit the store is asked what was claimed",
        "runner/supervisor.py",
        "self._in_doubt = True",
        "self._in_doubt = False",
        WHOLE,
    ),
    Mutant(
        "what could not be settled is settled later",
        "runner/supervisor.py",
        "with self._claims.turn():",
        "ended, self._ended = self._ended, []\n            with self._claims.turn():",
        WHOLE,
    ),
    Mutant(
        "a drain claims no more",
        "runner/supervisor.py",
        "if self._stop_at is None else (0, 0)",
        "",
        WHOLE,
    ),
    Mutant(
        "a drain has an end",
        "runner/work.py",
        "self._roster.kill_all(Kill.RELEASE)",
        "pass",
        WHOLE,
    ),
    Mutant(
        "a job that is to be canceled is killed",
        "runner/work.py",
        "self._roster.kill(fence, Kill.CANCEL)",
        "pass",
        WHOLE,
    ),
    Mutant(
        "canceled is written only when the process is gone",
        "runner/work.py",
        "self._roster.kill(fence, Kill.CANCEL)",
        "self._claims.confirm_cancel(fence, __import__('storage.job').job.Ended('canceled'))",
        WHOLE,
    ),
    Mutant(
        "a job that was asked to cancel is canceled by its error",
        "runner/settling.py",
        "return moved or self._claims.confirm_cancel(running.fence, ended)",
        "return moved",
        ("tests/test_settling.py",),
    ),
    Mutant(
        "an error that would come again is not retried",
        "runner/settling.py",
        "if retryable and retries <= running.job.max_retries:",
        "if retries <= running.job.max_retries:",
        WHOLE,
    ),
    Mutant(
        "retries end",
        "runner/settling.py",
        "if retryable and retries <= running.job.max_retries:",
        "if retryable:",
        WHOLE,
    ),
    Mutant(
        "a job that was lost without fault is released",
        "runner/settling.py",
        'if outcome.kind == "lost" and outcome.innocent:',
        "if False:",
        WHOLE,
    ),
    Mutant(
        "the yes comes after the commit",
        "server/storing.py",
        "job_id = await services.new_jobs.ask(job)",
        "__import__('asyncio').ensure_future(services.new_jobs.ask(job)); job_id = job.id",
        ("tests/test_api_jobs.py",),
    ),
    Mutant(
        "a body has a greatest size",
        "server/body.py",
        "if len(self._text) > self._limit:",
        "if False:",
        INPUT,
    ),
    Mutant(
        "what a client that went away has sent is removed",
        "server/file_part.py",
        "await self._blocking(self._writer.abort)",
        "pass",
        UPLOADS,
    ),
    Mutant(
        "a file has no more than two batches in memory",
        "server/file_part.py",
        "        await self._written()\n        self._admit",
        "        self._admit",
        FILE_PART,
    ),
    Mutant(
        "a file does not end before its last batch is written",
        "server/file_part.py",
        "            await self._write_batch()\n        await self._written()\n",
        "            await self._write_batch()\n",
        FILE_PART,
    ),
    Mutant(
        "a file is not removed while a batch is on its way",
        "server/file_part.py",
        "            await asyncio.wait([self._under_way])\n",
        "            pass\n",
        FILE_PART,
    ),
    Mutant(
        "a helper far ahead waits with its result",
        "runner/analysis/helpers.py",
        "if part != self.turn and self._held_bytes + helper.result_bytes > HELD_BYTES:",
        "if False:",
        ("tests/test_ranges.py",),
    ),
    Mutant(
        "samples of all patterns together are bounded",
        "runner/analysis/run.py",
        "min(wanted.samples, max(1, _SAMPLES // patterns))",
        "wanted.samples",
        ("tests/test_analysis_memory.py",),
    ),
    Mutant(
        "histograms of all patterns together are bounded",
        "runner/analysis/run.py",
        "max(_LEAST_BUCKETS, _BUCKETS // patterns)",
        "_BUCKETS",
        ("tests/test_analysis_memory.py",),
    ),
    Mutant(
        "a compressed file that becomes too much is refused",
        "runner/analysis/compressed.py",
        "if most is not None and total > most:",
        "if False:",
        ("tests/test_sources.py", "tests/test_end_to_end.py"),
    ),
    Mutant(
        "a worker tells its jobs what a file may become",
        "runner/worker.py",
        ", settings.max_data_bytes, settings.max_data_ratio)",
        ")",
        ("tests/test_end_to_end.py",),
    ),
    Mutant(
        "zstd with a window that takes too much memory is refused",
        "runner/analysis/formats.py",
        "zstd.DecompressionParameter.window_log_max: MAX_WINDOW_LOG",
        "zstd.DecompressionParameter.window_log_max: 31",
        ("tests/test_sources.py",),
    ),
    Mutant(
        "xz with a dictionary that takes too much memory is refused",
        "runner/analysis/formats.py",
        ", memlimit=MAX_DECODER_BYTES)",
        ")",
        ("tests/test_sources.py",),
    ),
    Mutant(
        "uploads have threads of their own",
        "server/services.py",
        "run_in_executor(self._files, call)",
        "run_in_executor(self._threads, call)",
        UPLOADS,
    ),
    Mutant(
        "many files that arrive together share their memory",
        "server/file_part.py",
        "max(LEAST_BYTES, min(MOST_BYTES, MEMORY_BYTES // (2 * len(_arriving))))",
        "MOST_BYTES",
        FILE_PART,
    ),
    Mutant(
        "a batch that is under way is not filled anew",
        "server/file_part.py",
        "        self._spare = batch\n",
        "        self._spare = self._gathering\n",
        FILE_PART,
    ),
)
