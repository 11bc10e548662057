"""Guards of the Python client: nothing is submitted twice, nothing is missed after a restart."""

from tests.mutants.mutant import Mutant

RETRIES = ("tests/client/test_retries.py",)
UPLOADS = ("tests/client/test_uploads.py",)
RESTARTS = ("tests/client/test_restarts.py",)
REQUESTS = ("tests/client/test_requests.py",)
STREAM = ("tests/client/test_event_stream.py",)
BOTH = ("tests/client/test_both_clients.py",)

PYTHON_CLIENT = (
    Mutant(
        "a target that ends with a slash is a folder",
        "client/jobservice/downloads.py",
        '        if os.fspath(target or ".").endswith(_SEPARATORS):',
        "        if False:",
        ("tests/client/test_downloads.py",),
    ),
    Mutant(
        "a batch is no single job",
        "client/jobservice/requests/batch_requests.py",
        "if isinstance(jobs, Mapping | str):",
        "if False:",
        REQUESTS,
    ),
    Mutant(
        "the search for what cannot be JSON ends",
        "client/jobservice/requests/encoding.py",
        "if id(value) in above:",
        "if False:",
        REQUESTS,
    ),
    Mutant(
        "only a text is a name in a path",
        "client/jobservice/requests/request.py",
        "    if not isinstance(given, str):\n",
        "    if False:\n",
        REQUESTS,
    ),
    Mutant(
        "the error of an attempt is no reason of a cancel",
        "client/jobservice/errors.py",
        "return None if any(each.error == error for each in data.attempts) else error",
        "return error",
        ("tests/client/test_errors.py",),
    ),
    Mutant(
        "a submission that is still being received is sent again",
        "client/jobservice/retries.py",
        'frozenset({"key_in_progress", ',
        "frozenset({",
        RETRIES,
    ),
    Mutant(
        "the client repeats only failures that pass",
        "client/jobservice/retries.py",
        "        if not is_worth_repeating(failure):\n            return None\n",
        "",
        RETRIES,
    ),
    Mutant(
        "the client gives up",
        "client/jobservice/retries.py",
        "return seconds if now + seconds <= self._first_at + self._seconds else None",
        "return seconds",
        RETRIES,
    ),
    Mutant(
        "a file that grows is sent as long as it was",
        "client/jobservice/uploads.py",
        "most if left is None else min(most, left)",
        "most",
        UPLOADS,
    ),
    Mutant(
        "a stream is sent again from where it stood",
        "client/jobservice/uploads.py",
        "            self._content.seek(self._start)\n",
        "            self._content.seek(0)\n",
        UPLOADS,
    ),
    Mutant(
        "a file name stays in its quotes",
        "client/jobservice/uploads.py",
        """return plain.replace('"', "%22").replace("\\r", "%0D").replace("\\n", "%0A")""",
        "return plain",
        UPLOADS,
    ),
    Mutant(
        "a stream that cannot seek is not sent twice",
        "client/jobservice/_async/transport.py",
        "if request.form and request.form.source.is_spent:",
        "if False:",
        RESTARTS,
    ),
    Mutant(
        "the client continues a stream after the last event",
        "client/jobservice/_async/transport.py",
        '            headers["Last-Event-ID"] = str(parser.last_id)\n',
        "            pass\n",
        RESTARTS,
    ),
    Mutant(
        "an incomplete event is dropped with its connection",
        "client/jobservice/event_stream.py",
        '        self._rest, self._name, self._data = b"", "", []\n',
        "        pass\n",
        STREAM,
    ),
    Mutant(
        "a retry whose response was lost is not made twice",
        "client/jobservice/_async/job.py",
        "if error.status != 409 or self.data.client_retries == before:",
        "if True:",
        RESTARTS,
    ),
    Mutant(
        "a creation whose response was lost is no error",
        "client/jobservice/_async/transport.py",
        "was_done = was_repeated and response.status_code == request.done_status",
        "was_done = was_repeated and response.status_code == 404",
        RESTARTS,
    ),
    Mutant(
        "a refused upload is not sent to its end",
        "client/jobservice/_async/transport.py",
        "            if early.has_arrived():",
        "            if False:",
        BOTH,
    ),
)
