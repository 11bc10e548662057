"""The set `nginx`. The messages are from nginx 1.26 (src/http, src/event, src/os/unix)."""

from loganalysis.pattern_sets.pattern import BuiltInPattern as P
from loganalysis.pattern_sets.pattern import BuiltInSet

_ACCESS = '203.0.113.9 - - [29/Nov/2026:13:12:01 +0000] "GET /api/orders HTTP/1.1"'
_ERROR = "2026/11/29 13:12:01 [error] 1201#1201: *5678"
_WHILE = 'client: 203.0.113.9, server: example.org, request: "GET / HTTP/1.1"'

NGINX = BuiltInSet(
    "nginx",
    "Access log (common and combined format, also of Apache) and error log of nginx",
    (
        P(
            "nginx 5xx",
            r'" 5\d\d [-\d]',
            f'{_ACCESS} 502 157 "-" "curl/8.5.0"',
            f'{_ACCESS} 200 502 "-" "curl/8.5.0"',
            regex=True,
        ),
        P(
            "nginx 4xx",
            r'" 4\d\d [-\d]',
            f'{_ACCESS} 404 153 "-" "curl/8.5.0"',
            f'{_ACCESS} 200 404 "-" "curl/8.5.0"',
            regex=True,
        ),
        P(
            "nginx client closed request",
            '" 499 ',
            f'{_ACCESS} 499 0 "-" "curl/8.5.0"',
            f'{_ACCESS} 200 499 "-" "curl/8.5.0"',
        ),
        P(
            "nginx too many requests",
            '" 429 ',
            f'{_ACCESS} 429 169 "-" "curl/8.5.0"',
            f'{_ACCESS} 200 429 "-" "curl/8.5.0"',
        ),
        P(
            "nginx upstream timed out",
            "upstream timed out (",
            f"{_ERROR} upstream timed out (110: Connection timed out) while reading response"
            f" header from upstream, {_WHILE}",
            f"{_ERROR} client timed out (110: Connection timed out) while sending, {_WHILE}",
        ),
        P(
            "nginx upstream refused",
            "connect() failed (111: ",
            f"{_ERROR} connect() failed (111: Connection refused) while connecting to upstream,"
            f" {_WHILE}",
            f"{_ERROR} connect() failed (113: No route to host) while connecting, {_WHILE}",
        ),
        P(
            "nginx no live upstreams",
            "no live upstreams while connecting to upstream",
            f"{_ERROR} no live upstreams while connecting to upstream, {_WHILE}",
            f"{_ERROR} 2 live upstreams, {_WHILE}",
        ),
        P(
            "nginx upstream closed early",
            "upstream prematurely closed connection",
            f"{_ERROR} upstream prematurely closed connection while reading response header from"
            f" upstream, {_WHILE}",
            f"{_ERROR} client prematurely closed connection, {_WHILE}",
        ),
        P(
            "nginx rate limit",
            "limiting requests, excess: ",
            f'{_ERROR} limiting requests, excess: 5.530 by zone "api", {_WHILE}',
            f'{_ERROR} limiting connections by zone "addr", {_WHILE}',
        ),
        P(
            "nginx body too large",
            "client intended to send too large body",
            f"{_ERROR} client intended to send too large body: 10485761 bytes, {_WHILE}",
            f"{_ERROR} upstream sent too large body, {_WHILE}",
        ),
        P(
            "nginx file not found",
            "failed (2: No such file or directory)",
            f'{_ERROR} open() "/srv/www/favicon.ico" failed (2: No such file or directory),'
            f" {_WHILE}",
            f'{_ERROR} open() "/srv/www/favicon.ico" failed (13: Permission denied), {_WHILE}',
        ),
        P(
            "nginx permission denied",
            "(13: Permission denied)",
            f'{_ERROR} open() "/srv/www/index.html" failed (13: Permission denied), {_WHILE}',
            f'{_ERROR} access forbidden by rule, "Permission denied", {_WHILE}',
        ),
        P(
            "nginx TLS handshake failed",
            "SSL_do_handshake() failed",
            f"{_ERROR} SSL_do_handshake() failed (SSL: error:0A00006C:SSL routines::bad key"
            f" share) while SSL handshaking, {_WHILE}",
            f"{_ERROR} SSL_read() failed, {_WHILE}",
        ),
        P(
            "nginx worker died",
            " exited on signal ",
            "2026/11/29 13:12:01 [alert] 1#1: worker process 29 exited on signal 9",
            "2026/11/29 13:12:01 [notice] 1#1: worker process 29 exited with code 0",
        ),
        P(
            "nginx out of connections",
            "worker_connections are not enough",
            "2026/11/29 13:12:01 [alert] 29#29: 1024 worker_connections are not enough",
            "2026/11/29 13:12:01 [warn] 29#29: 1024 worker_connections exceed open file limit",
        ),
        P(
            "nginx out of files",
            "(24: Too many open files)",
            "2026/11/29 13:12:01 [crit] 29#29: accept4() failed (24: Too many open files)",
            "2026/11/29 13:12:01 [crit] 29#29: accept() failed (23: Too many open files in system)",
        ),
        P(
            "nginx emerg",
            " [emerg] ",
            "2026/11/29 13:12:01 [emerg] 1#1: bind() to 0.0.0.0:80 failed",
            "2026/11/29 13:12:01 [error] 1#1: no [emergency] page",
        ),
        P(
            "nginx alert",
            " [alert] ",
            "2026/11/29 13:12:01 [alert] 1#1: kill(29, 1) failed (3: No such process)",
            "2026/11/29 13:12:01 [notice] 1#1: alert",
        ),
        P(
            "nginx crit",
            " [crit] ",
            "2026/11/29 13:12:01 [crit] 29#29: *7 connect() to unix:/run/app.sock failed",
            "2026/11/29 13:12:01 [notice] 29#29: critical section",
        ),
    ),
)
