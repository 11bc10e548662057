"""Guards of event streams: nothing is missed, nothing comes twice, no client is waited for."""

from tests.mutants.mutant import Mutant

STORED = ("tests/storage/jobs/test_events.py",)
STREAMS = ("tests/server/events/test_client_stream.py",)
OUTPUT = ("tests/storage/jobs/test_output.py",)
CALLBACKS = ("tests/server/events/test_callbacks.py",)
PRINTED = ("tests/runner/pool/test_output.py",)
ANSWERS = ("tests/server/events/test_callback_responses.py",)
REMOVED = ("tests/server/auth/test_removed_tokens.py",)

EVENTS = (
    Mutant(
        "a stream that is opened during the stop ends",
        "server/events/shared_feed.py",
        "        if self._stopped:\n            stream.end()\n",
        "",
        ("tests/end_to_end/test_listener_stop.py",),
    ),
    Mutant(
        "a removed token ends its streams",
        "server/events/shared_feed.py",
        "            self._drop_refused()\n",
        "",
        REMOVED,
    ),
    Mutant(
        "streams of other tokens continue",
        "server/events/shared_feed.py",
        "[each for each in self._open if not each.is_allowed()]",
        "list(self._open)",
        REMOVED,
    ),
    Mutant(
        "a body that ends after its token was removed changes nothing",
        "server/handlers/base.py",
        "        if self.authenticator.changes != self._token_changes:\n",
        "        if False:\n",
        REMOVED,
    ),
    Mutant(
        "no cache keeps a response",
        "server/http/response.py",
        '    "Cache-Control": "no-store",\n',
        "",
        REMOVED,
    ),
    Mutant(
        "little is read of the response to a callback",
        "server/events/callback_sender.py",
        "MAX_HEAD_BYTES, MAX_BODY_BYTES = 2**14, 2**16",
        "MAX_HEAD_BYTES, MAX_BODY_BYTES = 2**14, 2**40",
        ANSWERS,
    ),
    Mutant(
        "the status counts though the body is too long",
        "server/events/callback_sender.py",
        "            if status < 200:",
        "            if True:",
        ANSWERS,
    ),
    Mutant(
        "a callback URL has no user",
        "server/checking/submission.py",
        'or "@" in parts.netloc',
        "or parts.username",
        CALLBACKS,
    ),
    Mutant(
        "an event names the previous event of its job",
        "storage/migrations/0007_events.py",
        '"status": INSERT.format(previous="OLD.version"',
        '"status": INSERT.format(previous="NULL"',
        STORED,
    ),
    Mutant(
        "events are deleted with their job",
        "storage/migrations/0007_events.py",
        "        WHERE event.previous IS NOT NULL\n",
        "        WHERE FALSE\n",
        STORED,
    ),
    Mutant(
        "outdated progress is not sent",
        "storage/jobs/events.py",
        "query.where(newest | ~EventRow.is_progress)",
        "query",
        STORED,
    ),
    Mutant(
        "an event that arrives twice is sent once",
        "server/handlers/events.py",
        "[event.frame for event in events if event.version > self.sent]",
        "[event.frame for event in events]",
        STREAMS,
    ),
    Mutant(
        "events from before a stream joined are read",
        "server/handlers/events.py",
        "            await self._catch_up(query)  # came before it subscribed\n",
        "",
        STREAMS,
    ),
    Mutant(
        "a version of the future counts as the newest",
        "server/handlers/events.py",
        "return min(last_event_id, newest)",
        "return last_event_id",
        STREAMS,
    ),
    Mutant(
        "a version that this listener has not read yet is not of the future",
        "server/handlers/events.py",
        "return min(last_event_id, newest)",
        "return self.event_feed.version",
        STREAMS,
    ),
    Mutant(
        "a slow reader is disconnected",
        "server/events/shared_feed.py",
        "        self._drop()\n",
        "",
        STREAMS,
    ),
    Mutant(
        "the number of open streams is limited",
        "server/handlers/events.py",
        "if self.event_feed.full:",
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
        "a client that knows the end of a job is told not to reconnect",
        "server/handlers/events.py",
        "if job.final and last is not None and last >= job.version:",
        "if False:",
        STREAMS,
    ),
    Mutant(
        "output is read only for a part of the new versions",
        "storage/jobs/events.py",
        "if len(parts) == output.PAGE:",
        "if False:",
        STORED,
    ),
    Mutant(
        "only committed events are read",
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
        "the middle of long output is deleted",
        "storage/jobs/output.py",
        '    database.change(database.statement("middle", _delete_middle), {**held, **middle})\n',
        "",
        OUTPUT,
    ),
    Mutant(
        "a keeper keeps a bounded amount of output",
        "runner/pool/protocol/output.py",
        "        if surplus > 0:\n",
        "        if False:\n",
        PRINTED,
    ),
    Mutant(
        "the start of long output is kept",
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
        "all output of a call is read before its outcome",
        "runner/pool/keeper/keeper.py",
        '        process.output.finish(self._channel, self._call_id or "")\n',
        "",
        PRINTED,
    ),
    Mutant(
        "a job cannot close the output of others",
        "runner/pool/job_process/loop.py",
        "        redirect_output(self._output)\n",
        "",
        PRINTED,
    ),
    Mutant(
        "output is stored with the end of its attempt",
        "runner/supervisor/settle.py",
        """running, outcome)
        self._store_output(running)
""",
        """running, outcome)
""",
        ("tests/server/handlers/test_output.py",),
    ),
    Mutant(
        "callbacks go only to allowed hosts",
        "server/checking/submission.py",
        '    if not {host, f"{host}:{port}"} & set(hosts):\n',
        "    if False:\n",
        CALLBACKS,
    ),
    Mutant(
        "only a success status acknowledges a callback",
        "server/events/callback_sender.py",
        "return None if 200 <= status < 300 else",
        "return None if True else",
        CALLBACKS,
    ),
    Mutant(
        "a callback is taken by one listener at a time",
        "storage/jobs/callbacks.py",
        "            taken = CallbackRow.update(due_at=again_at, tries=CallbackRow.tries + 1)\n",
        "            taken = CallbackRow.update(tries=CallbackRow.tries + 1)\n",
        CALLBACKS,
    ),
    Mutant(
        "a listener that lost a callback does not settle it",
        "storage/jobs/callbacks.py",
        "return CallbackRow.job_id == callback.job.id, CallbackRow.tries == callback.tries",
        "return (CallbackRow.job_id == callback.job.id,)",
        CALLBACKS,
    ),
    Mutant(
        "a callback is not sent for ever",
        "server/events/callback_sender.py",
        "elif callback.tries >= MAX_TRIES:",
        "elif False:",
        CALLBACKS,
    ),
    Mutant(
        "a host that does not answer delays no other",
        "server/events/callback_sender.py",
        "return_when=asyncio.FIRST_COMPLETED",
        "return_when=asyncio.ALL_COMPLETED",
        CALLBACKS,
    ),
)
