"""Formats of web servers, proxies and mail gateways."""

from tests.support.loganalysis.log_corpus.headers import ISO, layout

ACCESS = "{ip} - - [%d/%b/%Y:%H:%M:%S +0000] <M>"

FORMATS = {
    "access_common": (
        layout(ACCESS),
        """
INFO "GET {path} HTTP/1.1" 200 {big}
INFO "GET {path} HTTP/1.1" 404 {n}
INFO "POST {path} HTTP/1.1" 201 {n}
INFO "DELETE {path} HTTP/1.1" 503 {n}
""",
    ),
    "access_combined": (
        layout(ACCESS + ' "{url}" "Mozilla/5.0 (X11; Linux x86_64)"'),
        """
INFO "GET {path} HTTP/2.0" 200 {big}
INFO "GET {path} HTTP/2.0" 301 {n}
INFO "HEAD {path} HTTP/1.1" 200 0
INFO "POST {path} HTTP/2.0" 500 {n}
""",
    ),
    "nginx_error": (
        layout("%Y/%m/%d %H:%M:%S [<level>] {pid}#{pid}: *{big} <M>"),
        """
ERROR open() "{path}" failed (2: No such file or directory), client: {ip}, server: _
ERROR connect() failed (111: Connection refused) while connecting to upstream, client: {ip}
WARN an upstream response is buffered to a temporary file {path} while reading upstream
INFO client {ip} closed keepalive connection
ERROR upstream timed out (110: Connection timed out) while reading response header
""",
    ),
    "apache_error": (
        layout(
            "[%a %b %d %H:%M:%S.%f %Y] [<C>:<level>] [pid {pid}:tid {big}] <M>",
            "core",
            "mpm_event",
            "ssl",
        ),
        """
ERROR [client {ip}:{port}] AH00128: File does not exist: {path}
NOTICE AH00489: Apache/2.4.52 (Ubuntu) configured -- resuming normal operations
INFO AH01964: Connection to child {n} established (server {host}:443)
WARN AH00045: child process {pid} still did not exit, sending a SIGTERM
""",
    ),
    "haproxy": (
        layout("%b %e %H:%M:%S {host} haproxy[{pid}]: <M>"),
        """
INFO Server app/{host} is UP, reason: Layer7 check passed, code: 200, duration: {n}ms.
INFO Server app/{host} is DOWN, reason: Layer4 timeout, check duration: {n}ms.
INFO Proxy stats started.
INFO Backend app has no server available!
""",
    ),
    "squid": (
        layout("%Y/%m/%d %H:%M:%S kid1| <M>"),
        """
INFO Accepting HTTP Socket connections at local=[::]:{port} remote=[::] FD {n} flags=9
INFO storeDirWriteCleanLogs: Starting...
INFO Finished. Wrote {big} entries.
WARN WARNING: Closing open FD {n}
""",
    ),
    "envoy": (
        layout("[%Y-%m-%d %H:%M:%S.<ms>][{n}][<level>][<C>] <M>", "main", "upstream", "config"),
        """
INFO cm init: adding: cluster={service} primary=0 secondary=0
INFO all dependencies initialized. starting workers
WARNING gRPC config stream closed: {n}, no healthy upstream
INFO lds: add/update listener '{ip}_{port}'
""",
    ),
    "caddy": (
        layout(
            '{"level":"<level>","ts":"%Y-%m-%dT%H:%M:%SZ","logger":"<C>","msg":"<M>","id":"{id}"}',
            "http",
            "tls",
        ),
        """
INFO obtaining certificate for {host}
INFO certificate obtained successfully
ERROR could not get certificate from issuer after {n} attempts
INFO server is listening only on the HTTP port
""",
    ),
    "traefik": (
        layout('time="%Y-%m-%dT%H:%M:%SZ" level=<level> msg="<M>" provider=<C>', "docker", "file"),
        """
INFO Configuration loaded from file: {path}
DEBUG Creating server {n} at http://{ip}:{port}
ERROR Unable to obtain ACME certificate for domains {host}
INFO Skipping same configuration
""",
    ),
    "iis_like": (
        layout(ISO + " {ip} <M>"),
        """
INFO GET {path} - 443 - {ip} 200 0 0 {n}
INFO POST {path} - 443 - {ip} 302 0 0 {n}
""",
    ),
    "gunicorn": (
        layout("[%Y-%m-%d %H:%M:%S +0000] [{pid}] [<LEVEL>] <M>"),
        """
INFO Booting worker with pid: {pid}
INFO Listening at: http://{ip}:{port} ({pid})
CRITICAL WORKER TIMEOUT (pid:{pid})
INFO Worker exiting (pid: {pid})
INFO Handling signal: term
""",
    ),
    "uwsgi": (
        layout("%a %b %d %H:%M:%S %Y - <M>"),
        """
INFO SIGPIPE: writing to a closed pipe/socket/fd on request {path} (ip {ip}) !!!
INFO worker {n} respawning after {n} requests
INFO uWSGI worker {n} cheaped.
""",
    ),
    "fail2ban": (
        layout(ISO + ",<ms> fail2ban.<C> [{pid}]: <LEVEL> <M>", "filter", "actions"),
        """
INFO [sshd] Found {ip} - {n}
NOTICE [sshd] Ban {ip}
NOTICE [sshd] Unban {ip}
WARNING [sshd] {ip} already banned
""",
    ),
}
