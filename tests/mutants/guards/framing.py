"""Guards of the borders between requests on one connection."""

from tests.mutants.mutant import Mutant

TESTS = ("tests/server/http/test_framing.py",)

FRAMING = (
    Mutant(
        "a malformed trailer is refused",
        "server/http/connections/framing.py",
        "if not _TRAILER.fullmatch(line):",
        "if False:",
        TESTS,
    ),
    Mutant(
        "extensions of chunks are bounded",
        "server/http/connections/framing.py",
        "if self._surplus > SURPLUS_BYTES:",
        "if False:",
        TESTS,
    ),
    Mutant(
        "trailers are bounded",
        "server/http/connections/framing.py",
        "            left -= len(line)\n",
        "",
        TESTS,
    ),
    Mutant(
        "an extension has no line break",
        "server/http/connections/framing.py",
        r"(?:[ \t]*;[\t -~\x80-\xff]*)?",
        "(?:[^;]*;(?s:.)*)?",
        TESTS,
    ),
    Mutant(
        "a line of a head ends with CRLF",
        "server/http/connections/connection.py",
        'if head.count(b"\\n") != head.count(b"\\r\\n"):',
        "if False:",
        TESTS,
    ),
    Mutant(
        "HTTP/1.0 has no chunks",
        "server/start/http_server.py",
        'if start_line.version == "HTTP/1.0" and "Transfer-Encoding" in headers:',
        "if False:",
        TESTS,
    ),
    Mutant(
        "the host of a target goes before the header",
        "server/http/connections/framing.py",
        '        headers["Host"] = match[1]\n',
        "        pass\n",
        TESTS,
    ),
)
