"""The set `java-exceptions`: stack traces as Throwable.printStackTrace and loggers write them."""

from loganalysis.pattern_sets.pattern import BuiltInPattern as P
from loganalysis.pattern_sets.pattern import BuiltInSet

_AT = "2026-11-29 13:12:01,482 ERROR [main] o.e.Orders - failed:"
_QUIET = "2026-11-29 13:12:01,482 INFO [main] o.e.Orders -"


def _exception(name: str, text: str, message: str) -> P:
    """A class of exceptions, by the beginning of its full name."""
    short = text.rpartition(".")[2]
    return P(f"java {name}", text, f"{_AT} {text}{message}", f"{_QUIET} handles {short}")


JAVA_EXCEPTIONS = BuiltInSet(
    "java-exceptions",
    "Exceptions, errors and stack traces of programs in Java, Kotlin and Scala",
    (
        P(
            "java exception",
            "Exception: ",
            f"{_AT} org.example.OrderException: no such order",
            f"{_QUIET} registered ExceptionHandler",
        ),
        P(
            "java uncaught exception",
            'Exception in thread "',
            'Exception in thread "main" java.lang.IllegalStateException: closed',
            f"{_QUIET} Exception in a thread",
        ),
        P(
            "java cause",
            "Caused by: ",
            "Caused by: java.io.IOException: Broken pipe",
            f"{_QUIET} caused by: a user",
        ),
        P(
            "java suppressed exception",
            "\tSuppressed: ",
            "\tSuppressed: java.io.IOException: Stream closed",
            f"{_QUIET} Suppressed: 3 messages",
        ),
        P(
            "java stack frame",
            "\tat ",
            "\tat org.example.Orders.load(Orders.java:42)",
            f"{_QUIET} looked at it",
        ),
        _exception("null pointer", "java.lang.NullPointerException", ': Cannot invoke "A.b()"'),
        _exception("out of memory", "java.lang.OutOfMemoryError", ": Java heap space"),
        _exception("stack overflow", "java.lang.StackOverflowError", ""),
        _exception("illegal argument", "java.lang.IllegalArgumentException", ": id"),
        _exception("illegal state", "java.lang.IllegalStateException", ": closed"),
        _exception("wrong cast", "java.lang.ClassCastException", ": class A cannot be cast"),
        _exception("class not found", "java.lang.ClassNotFoundException", ": org.example.A"),
        _exception("no class definition", "java.lang.NoClassDefFoundError", ": org/example/A"),
        _exception("no method", "java.lang.NoSuchMethodError", ": 'void A.b()'"),
        _exception("interrupted", "java.lang.InterruptedException", ": sleep interrupted"),
        _exception("concurrent change", "java.util.ConcurrentModificationException", ""),
        _exception("timeout", "java.util.concurrent.TimeoutException", ": after 5 s"),
        _exception("rejected task", "java.util.concurrent.RejectedExecutionException", ": full"),
        _exception("I/O error", "java.io.IOException", ": Broken pipe"),
        _exception("file not found", "java.io.FileNotFoundException", ": a.txt"),
        _exception("connection failed", "java.net.ConnectException", ": Connection refused"),
        _exception("socket timeout", "java.net.SocketTimeoutException", ": Read timed out"),
        _exception("unknown host", "java.net.UnknownHostException", ": db.example.org"),
        _exception("SQL error", "java.sql.SQL", "Exception: connection is closed"),
        _exception("TLS error", "javax.net.ssl.SSL", "HandshakeException: no cipher suites"),
    ),
)
