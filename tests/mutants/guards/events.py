"""Guards of event streams: nothing is missed, nothing comes twice, no client is waited for."""

from tests.mutants.mutant import Mutant

STORED = ("tests/storage/jobs/test_events.py",)
STREAMS = ("tests/server/events/test_client_stream.py",)
OUTPUT = ("tests/storage/jobs/test_output.py",)
CALLBACKS = ("tests/server/events/test_callbacks.py",)
PRINTED = ("tests/runner/pool/test_output.py",)

EVENTS = (
    Mutant(
        "a change names the one before",
        "storage/migrations/0007_events.py",
        '"status": INSERT.format(previous="OLD.version"',
        '"status": INSERT.format(previous="NULL"',
        STORED,
    ),
    Mutant(
        "events go with their job",
        "storage/migrations/0007_events.py",
        "        WHERE event.previous IS NOT NULL\n",
        "        WHERE FALSE\n",
        STORED,
    ),
    Mutant(
        "progress that was passed by is not told",
        "storage/jobs/events.py",
        "query.where(newest | ~EventRow.is_progress)",
        "query",
        STORED,
    ),
    Mutant(
        "what comes by two ways is told once",
        "server/handlers/events.py",
        "[event.frame for event in events if event.version > self.sent]",
        "[event.frame for event in events]",
        STREAMS,
    ),
    Mutant(
        "what came before a stream has joined is read",
        "server/handlers/events.py",
        "            await self._catch_up(query)  # came before it subscribed\n",
        "",
        STREAMS,
    ),
    Mutant(
        "a number of the future is taken as the present",
        "server/handlers/events.py",
        "return min(last_event_id, newest)",
        "return last_event_id",
        STREAMS,
    ),
    Mutant(
        "a number that this listener has still to find is not of the future",
        "server/handlers/events.py",
        "return min(last_event_id, newest)",
        "return self.services.event_feed.version",
        STREAMS,
    ),
    Mutant(
        "a client that reads too slowly is dropped",
        "server/events/client_stream.py",
        "            self._drop()\n",
        "",
        STREAMS,
    ),
    Mutant(
        "no more streams are open than may be",
        "server/handlers/events.py",
        "if self.services.event_feed.full:",
        "if False:",
        STREAMS,
    ),
    Mutant(
        "the stream of a deleted job ends",
        "server/events/shared_feed.py",
        "                    stream.job_deleted = True\n                    stream.end()\n",
        "                    pass\n",
        STREAMS,
    ),
    Mutant(
        "who knows the end of a job is told to stay away",
        "server/handlers/events.py",
        "if job.final and last is not None and last >= job.version:",
        "if False:",
        STREAMS,
    ),
    Mutant(
        "output is read for a part of what is new only",
        "storage/jobs/events.py",
        "if len(parts) == output.PAGE:",
        "if False:",
        STORED,
    ),
    Mutant(
        "what is read is what was committed before",
        "storage/jobs/events.py",
        "each for each in news if each.version <= known",
        "each for each in news",
        STORED,
    ),
    Mutant(
        "only the holder of an attempt stores its output",
        "storage/jobs/output.py",
        '        JobRow.locked_by == parameter(JobRow.locked_by, "holder"),\n',
        "",
        OUTPUT,
    ),
    Mutant(
        "of much output the middle is deleted",
        "storage/jobs/output.py",
        '    database.change(database.statement("middle", _delete_middle), {**held, **middle})\n',
        "",
        OUTPUT,
    ),
    Mutant(
        "a keeper holds a bounded part of the output",
        "runner/pool/protocol/output.py",
        "        if surplus > 0:\n",
        "        if False:\n",
        PRINTED,
    ),
    Mutant(
        "of much output the start is kept",
        "runner/pool/protocol/output.py",
        "            if self._position == 0:\n",
        "            if False:\n",
        PRINTED,
    ),
    Mutant(
        "a flood of output delays no kill",
        "runner/pool/protocol/output.py",
        "self._read(_MAX_READS)",
        "self._read(sys.maxsize)",
        PRINTED,
    ),
    Mutant(
        "all that a call has printed is heard before its outcome",
        "runner/pool/keeper/keeper.py",
        '        process.output.finish(self._channel, self._call_id or "")\n',
        "",
        PRINTED,
    ),
    Mutant(
        "a job closes the output of no other",
        "runner/pool/job_process/loop.py",
        "    redirect_output(limited_entry.output)\n",
        "",
        PRINTED,
    ),
    Mutant(
        "what is printed is stored with the end of an attempt",
        "runner/supervisor/settle.py",
        """running, outcome)
        self._store_output(running)
""",
        """running, outcome)
""",
        ("tests/server/handlers/test_output.py",),
    ),
    Mutant(
        "callbacks go to allowed hosts only",
        "server/documents/callback_hosts.py",
        '    if not {host, f"{host}:{port}"} & set(hosts):\n',
        "    if False:\n",
        CALLBACKS,
    ),
    Mutant(
        "what a callback answers must be a success",
        "server/events/callback_sender.py",
        "return None if 200 <= status < 300 else",
        "return None if True else",
        CALLBACKS,
    ),
    Mutant(
        "a callback that was taken is not taken by another",
        "storage/jobs/callbacks.py",
        "            taken = CallbackRow.update(due_at=again_at, tries=CallbackRow.tries + 1)\n",
        "            taken = CallbackRow.update(tries=CallbackRow.tries + 1)\n",
        CALLBACKS,
    ),
    Mutant(
        "who has lost a callback settles it no more",
        "storage/jobs/callbacks.py",
        "return CallbackRow.job_id == callback.job.id, CallbackRow.tries == callback.tries",
        "return (CallbackRow.job_id == callback.job.id,)",
        CALLBACKS,
    ),
    Mutant(
        "a client is not told without end",
        "server/events/callback_sender.py",
        "elif callback.tries >= MAX_TRIES:",
        "elif False:",
        CALLBACKS,
    ),
    Mutant(
        "who does not answer a callback keeps no other waiting",
        "server/events/callback_sender.py",
        "return_when=asyncio.FIRST_COMPLETED",
        "return_when=asyncio.ALL_COMPLETED",
        CALLBACKS,
    ),
)
