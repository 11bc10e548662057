"""Guards of the listener against clients that mean no good."""

from tests.mutants.mutant import Mutant

SLOW = ("tests/test_slow_clients.py",)
CONNECTIONS = ("tests/test_connections.py",)
RATES = ("tests/test_rates.py",)
ORIGINS = ("tests/test_origins.py",)
QUEUE = ("tests/test_queue_mark.py",)

EDGE = (
    Mutant(
        "a slow head is ended",
        "server/connections.py",
        "return Late.HEAD if self._waited > pace.slow_seconds else None",
        "return None",
        SLOW,
    ),
    Mutant(
        "an idle connection is ended",
        "server/connections.py",
        "return Late.IDLE if self._waited > pace.idle_seconds else None",
        "return None",
        SLOW,
    ),
    Mutant(
        "a slow body is ended",
        "server/connections.py",
        "return Late.BODY if self._lags(moved, seconds, pace) else None",
        "return None",
        SLOW,
    ),
    Mutant(
        "who does not read an answer is let go",
        "server/connections.py",
        "return Late.ANSWER if self._lags(moved, seconds, pace) else None",
        "return None",
        SLOW,
    ),
    Mutant(
        "what moves makes up for the time",
        "server/connections.py",
        "seconds - moved / pace.bytes_per_second",
        "seconds",
        SLOW,
    ),
    Mutant(
        "a client is not to blame while it is our turn",
        "server/connections.py",
        "        if not self.reading():\n            return None\n",
        "",
        SLOW,
    ),
    Mutant(
        "there are no more connections than may be",
        "server/acceptor.py",
        "crowded = len(self._open) >= self._most",
        "crowded = False",
        CONNECTIONS,
    ),
    Mutant(
        "idle connections give way",
        "server/acceptor.py",
        "while self._waiting:",
        "while False:",
        CONNECTIONS,
    ),
    Mutant(
        "a listener that cannot accept pauses",
        "server/acceptor.py",
        "        self._pause()\n        return False\n",
        "        return False\n",
        CONNECTIONS,
    ),
    Mutant(
        "a head over the limit is told so",
        "server/connections.py",
        "if isinstance(exc_info, UnsatisfiableReadError) and not self._answered:",
        "if False:",
        CONNECTIONS,
    ),
    Mutant(
        "what is not HTTP is told as a problem",
        "server/connections.py",
        "if data == _BARE_400:",
        "if False:",
        CONNECTIONS,
    ),
    Mutant(
        "a client that breaks its connection is noticed while it is served",
        "server/connections.py",
        " or self._is_gone():",
        ":",
        CONNECTIONS,
    ),
    Mutant(
        "no stream begins for a client that has gone",
        "server/handlers/events.py",
        "if connection.stream.closed():",
        "if False:",
        CONNECTIONS,
    ),
    Mutant(
        "who waits for our word may write it in upper case",
        "server/front.py",
        '"").lower() == _EXPECTED:',
        '"") == _EXPECTED:',
        CONNECTIONS,
    ),
    Mutant(
        "a size of too many digits is refused",
        "server/body.py",
        " and len(header) <= _MOST_DIGITS",
        "",
        ("tests/test_api_input.py",),
    ),
    Mutant(
        "requests are limited on the fast path",
        "server/fast_path.py",
        "            admission.count(address, caller)\n",
        "",
        RATES,
    ),
    Mutant(
        "requests are limited in the application",
        "server/handlers/base.py",
        "        if self.LIMITED:\n",
        "        if False:\n",
        RATES,
    ),
    Mutant(
        "addresses are remembered up to a bound",
        "server/rates.py",
        "if len(self._levels) > MAX_KEYS:",
        "if False:",
        RATES,
    ),
    Mutant(
        "only trusted proxies are believed",
        "server/addresses.py",
        "if not self._is_trusted(client):",
        "if False:",
        RATES,
    ),
    Mutant(
        "only named origins may read",
        "server/origins.py",
        "if origin is not None and origin in origins:",
        "if origin is not None:",
        ORIGINS,
    ),
    Mutant(
        "too many jobs that wait are too many on the fast path",
        "server/fast_calls.py",
        "        services.queue.admit()\n",
        "",
        QUEUE,
    ),
    Mutant(
        "too many jobs that wait are too many in the application",
        "server/handlers/jobs.py",
        "        self.services.queue.admit()\n",
        "",
        QUEUE,
    ),
    Mutant(
        "too many jobs that wait are too many for a retry",
        "server/handlers/job.py",
        "        self.services.queue.admit()\n",
        "",
        QUEUE,
    ),
    Mutant(
        "too many jobs that wait are too many for many retries",
        "server/handlers/bulk.py",
        "            self.services.queue.admit()\n",
        "            pass\n",
        QUEUE,
    ),
    Mutant(
        "what stands around the parts of a form is bounded",
        "server/forms.py",
        "if self._total > self._max_total:",
        "if False:",
        ("tests/test_api_uploads.py",),
    ),
    Mutant(
        "the regexes of a job are bounded together",
        "runner/analysis/regexes.py",
        "if room.instructions < 0:",
        "if False:",
        ("tests/test_patterns.py",),
    ),
)
