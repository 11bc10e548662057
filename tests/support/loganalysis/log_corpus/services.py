"""Formats of services: mail, telephony, VPN, security, cloud, and runtimes of web applications."""

from tests.support.loganalysis.log_corpus.headers import ISO, layout

FORMATS = {
    "aws_alb": (
        layout("<C> %Y-%m-%dT%H:%M:%S.%fZ app/shop/{id} <M>", "h2", "https"),
        """
INFO {ip}:{port} {ip}:{port} 0.{n} 0.{n} 0.{n} 200 200 {n} {big} "GET {url} HTTP/2.0" "Mozilla/5.0"
INFO {ip}:{port} {ip}:{port} 0.{n} 0.{n} 0.{n} 404 404 {n} {big} "GET {url} HTTP/2.0" "Mozilla/5.0"
ERROR {ip}:{port} - -1 -1 -1 503 - {n} {big} "POST {url} HTTP/2.0" "curl/8.5.0"
""",
    ),
    "vpc_flow": (
        layout("2 {big} eni-{id} <M>"),
        """
INFO {ip} {ip} {port} {port} 6 {n} {big} {big} {big} ACCEPT OK
INFO {ip} {ip} {port} {port} 17 {n} {big} {big} {big} REJECT OK
INFO - - - - - - - {big} {big} - NODATA
""",
    ),
    "cloudtrail": (
        layout(
            '{"eventVersion":"1.08","eventTime":"%Y-%m-%dT%H:%M:%SZ","awsRegion":"eu-west-1",'
            '"sourceIPAddress":"{ip}","event":"<M>","requestID":"{uuid}"}'
        ),
        """
INFO DescribeInstances
INFO AssumeRole
INFO PutObject
INFO ConsoleLogin
""",
    ),
    "varnish": (
        layout("%b %e %H:%M:%S {host} varnishd[{pid}]: <M>"),
        """
INFO Child ({pid}) Started
INFO Child ({pid}) said Child starts
ERROR Child ({pid}) not responding to CLI, killed it.
ERROR Child ({pid}) died signal={n}
INFO Backend fetch from {host} took {ms} s
INFO VCL {service} compiled and loaded
""",
    ),
    "tomcat": (
        layout(
            "%d-%b-%Y %H:%M:%S.<ms> <LEVEL> [<C>] org.apache.catalina.core.StandardService <M>",
            "main",
            "http-nio-8080-exec-{n}",
            "Catalina-utility-{n}",
        ),
        """
INFO Deploying web application directory [{path}]
INFO Deployment of web application directory [{path}] has finished in [{n}] ms
WARNING The web application [{service}] appears to have started a thread named [pool-{n}-thread-{n}]
SEVERE Servlet.service() for servlet [{class}] in context with path [/{service}] threw exception
INFO Server startup in [{big}] milliseconds
INFO Pausing ProtocolHandler ["http-nio-{port}"]
""",
    ),
    "django": (
        layout("[%d/%b/%Y %H:%M:%S] <LEVEL> [<C>:{n}] <M>", "django.request", "shop.views"),
        """
WARNING Not Found: {path}
ERROR Internal Server Error: {path}
INFO Watching for file changes with StatReloader
INFO User {user} logged in
WARNING Forbidden (CSRF cookie not set.): {path}
INFO Applied migration {table}.000{n}
""",
    ),
    "uvicorn": (
        layout("<LEVEL>:     <M>"),
        """
INFO {ip}:{port} - "GET {path} HTTP/1.1" 200 OK
INFO Started server process [{pid}]
INFO Waiting for application startup.
INFO Application startup complete.
WARNING Invalid HTTP request received.
ERROR Exception in ASGI application
""",
    ),
    "celery": (
        layout("[" + ISO + ",<ms>: <LEVEL>/<C>] <M>", "MainProcess", "ForkPoolWorker-{n}"),
        """
INFO Task shop.tasks.send_mail[{uuid}] received
INFO Task shop.tasks.send_mail[{uuid}] succeeded in {ms}s: None
WARNING Task shop.tasks.charge[{uuid}] retry: Retry in {n}s: Timeout('{host}')
ERROR Task shop.tasks.charge[{uuid}] raised unexpected: ValueError('{words}')
INFO missed heartbeat from celery@{host}
INFO sync with celery@{host}
""",
    ),
    "pino": (
        layout(
            '{"level":30,"time":{big}123456,"pid":{pid},"hostname":"{host}","reqId":"{id}",'
            '"msg":"<M>"}'
        ),
        """
INFO incoming request
INFO request completed
INFO user {user} added {n} items to cart {uuid}
ERROR payment provider {service} answered with {state}
""",
    ),
    "php_fpm": (
        layout("[%d-%b-%Y %H:%M:%S] <LEVEL>: <M>"),
        """
NOTICE fpm is running, pid {pid}
NOTICE ready to handle connections
WARNING [pool www] child {pid} exited on signal {n} (SIGSEGV) after {ms} seconds from start
NOTICE [pool www] child {pid} started
WARNING [pool www] server reached pm.max_children setting ({n}), consider raising it
WARNING [pool www] seems busy, spawning {n} children, there are {n} idle, and {n} total children
""",
    ),
    "dovecot": (
        layout("%b %e %H:%M:%S {host} dovecot: <C>: <M>", "imap-login", "imap({user})"),
        """
INFO Login: user=<{email}>, method=PLAIN, rip={ip}, lip={ip}, mpid={pid}, TLS, session=<{id}>
INFO Disconnected: Logged out in={n} out={big}
INFO Disconnected (auth failed, {n} attempts in {n} secs): user=<{email}>, method=PLAIN, rip={ip}
INFO Connection closed (IDLE running for {ms} secs) in={n} out={n}
ERROR Mailbox {words}: stat({path}) failed: Permission denied
""",
    ),
    "openvpn": (
        layout("%a %b %e %H:%M:%S %Y <M>"),
        """
INFO {ip}:{port} TLS: Initial packet from [AF_INET]{ip}:{port}, sid={hex} {hex}
INFO {ip}:{port} VERIFY OK: depth={n}, CN={user}
INFO {user}/{ip}:{port} MULTI: Learn: {ip} -> {user}/{ip}:{port}
INFO {user}/{ip}:{port} SENT CONTROL [{user}]: 'PUSH_REPLY' (status={n})
ERROR {ip}:{port} TLS Error: TLS handshake failed
INFO {user}/{ip}:{port} [{user}] Inactivity timeout (--ping-restart), restarting
""",
    ),
    "sudo": (
        layout("%b %d %H:%M:%S {host} <C>: <M>", "sudo"),
        """
INFO {user} : TTY=pts/{n} ; PWD={path} ; USER=root ; COMMAND={path}
INFO pam_unix(sudo:session): session opened for user {user} by {user}(uid={n})
INFO pam_unix(sudo:session): session closed for user {user}
INFO {user} : {n} incorrect password attempts ; TTY=pts/{n} ; PWD={path} ; USER=root
INFO pam_unix(sudo:auth): authentication failure; logname={user} uid={n} euid=0 tty=/dev/pts/{n}
""",
    ),
    "asterisk": (
        layout(
            "[" + ISO + "] <LEVEL>[{pid}][C-{hex}]: <C>.c:{n} <C>: <M>",
            "chan_sip",
            "app_dial",
            "pbx",
        ),
        """
NOTICE Registration from '"{n}" <sip:{n}@{ip}>' failed for '{ip}:{port}' - Wrong password
WARNING Unable to create channel of type 'SIP' (cause {n} - Unknown)
NOTICE Call from '{n}' ({ip}:{port}) to extension '{big}' rejected
NOTICE Peer '{n}' is now Reachable. ({n}ms / 2000ms)
NOTICE Peer '{n}' is now UNREACHABLE!  Last qualify: {n}
WARNING Timeout on {id} on non-critical invite transaction.
""",
    ),
    "suricata_fast": (
        layout("%m/%d/%Y-%H:%M:%S.%f  [**] [1:{big}:{n}] <M>"),
        """
INFO ET SCAN Suspicious inbound to mySQL port 3306 [**] [Priority: 2] {TCP} {ip}:{port} -> {ip}:3306
INFO ET POLICY GNU/Linux APT User-Agent Outbound [**] [Priority: 1] {TCP} {ip}:{port} -> {ip}:80
INFO SURICATA STREAM excessive retransmissions [**] [Priority: 3] {TCP} {ip}:{port} -> {ip}:{port}
INFO GPL ICMP_INFO PING *NIX [**] [Priority: 3] {ICMP} {ip}:8 -> {ip}:0
""",
    ),
    "coredns": (
        layout("[<LEVEL>] <M>"),
        """
INFO {ip}:{port} - {port} "A IN {host}. udp {n} false 512" NOERROR qr,rd,ra {n} 0.{n}s
INFO plugin/reload: Running configuration SHA512 = {id}{id}
ERROR plugin/errors: 2 {host}. AAAA: read udp {ip}:{port}->{ip}:53: i/o timeout
WARNING No files matching import glob pattern: {path}
""",
    ),
    "vault": (
        layout("%Y-%m-%dT%H:%M:%S.<ms>Z [<LEVEL>]  <C>: <M>", "core", "expiration", "identity"),
        """
INFO vault is unsealed
INFO revoked lease: lease_id=auth/token/create/{id}
WARN error unsealing core: error={state}
INFO successfully mounted backend: type={service} path={service}/
INFO entering standby mode
ERROR failed to renew lease after {n} attempts: {words}
""",
    ),
    "sip_proxy": (
        layout("%b %e %H:%M:%S {host} kamailio[{pid}]: <LEVEL>: <script>: <M>"),
        """
INFO START: INVITE from sip:{n}@{host} (IP:{ip}:{port})
INFO Relaying reply {n} to sip:{n}@{ip}
NOTICE ACC: transaction answered: method=INVITE;from_tag={hex};call_id={uuid};code=200
WARNING Blocked user agent {words} from {ip}
ERROR No route to {host}
""",
    ),
}
