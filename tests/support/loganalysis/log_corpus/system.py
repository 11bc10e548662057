"""Formats of operating systems and their services."""

from tests.support.loganalysis.log_corpus.headers import layout, syslog

FORMATS = {
    "sshd": (
        syslog("sshd"),
        """
INFO Accepted password for {user} from {ip} port {port} ssh2
INFO Failed password for {user} from {ip} port {port} ssh2
INFO Failed password for invalid user {user} from {ip} port {port} ssh2
INFO Connection closed by {ip} port {port} [preauth]
INFO pam_unix(sshd:session): session opened for user {user} by (uid=0)
INFO pam_unix(sshd:session): session closed for user {user}
INFO Received disconnect from {ip} port {port}:11: disconnected by user
""",
    ),
    "kernel": (
        layout("%b %e %H:%M:%S {host} kernel: [{big}.{n}] <M>"),
        """
INFO usb 1-{n}: new high-speed USB device number {n} using xhci_hcd
WARN CPU{n}: Core temperature above threshold, cpu clock throttled (total events = {big})
ERROR Out of memory: Killed process {pid} (java) total-vm:{big}kB, anon-rss:{big}kB
INFO EXT4-fs (sda{n}): mounted filesystem with ordered data mode
ERROR blk_update_request: I/O error, dev sdb, sector {big}
INFO device eth0 entered promiscuous mode
""",
    ),
    "cron": (
        syslog("CRON", "cron"),
        """
INFO ({user}) CMD ({path} > /dev/null 2>&1)
INFO ({user}) RELOAD (crontabs/{user})
INFO (CRON) INFO (Running @reboot jobs)
INFO pam_unix(cron:session): session opened for user {user}(uid=0) by (uid=0)
""",
    ),
    "systemd": (
        syslog("systemd"),
        """
INFO Started Session {n} of user {user}.
INFO Starting Daily apt download activities...
INFO nginx.service: Main process exited, code=exited, status=1/FAILURE
INFO nginx.service: Failed with result 'exit-code'.
INFO Reached target Network is Online.
INFO Created slice User Slice of UID {n}.
""",
    ),
    "postfix": (
        syslog("postfix/smtp", "postfix/qmgr", "postfix/cleanup"),
        """
INFO {hex}: to=<{email}>, relay={host}[{ip}]:25, delay={ms}, dsn=2.0.0, status=sent (250 ok)
INFO {hex}: from=<{email}>, size={big}, nrcpt=1 (queue active)
INFO {hex}: removed
INFO connect from {host}[{ip}]
INFO disconnect from {host}[{ip}] ehlo=1 mail=1 rcpt=1 quit=1 commands=4
INFO {hex}: message-id=<{uuid}@{host}>
""",
    ),
    "iptables": (
        layout("%b %e %H:%M:%S {host} kernel: <M>"),
        """
INFO [UFW BLOCK] IN=eth0 OUT= MAC={mac} SRC={ip} DST={ip} LEN={n} PROTO=TCP SPT={port} DPT={n}
INFO [UFW ALLOW] IN=eth0 OUT= MAC={mac} SRC={ip} DST={ip} LEN={n} PROTO=UDP SPT={port} DPT={n}
""",
    ),
    "dhcpd": (
        syslog("dhcpd"),
        """
INFO DHCPDISCOVER from {mac} via eth0
INFO DHCPOFFER on {ip} to {mac} via eth0
INFO DHCPREQUEST for {ip} ({ip}) from {mac} via eth0
INFO DHCPACK on {ip} to {mac} via eth0
INFO DHCPRELEASE of {ip} from {mac} via eth0 (found)
""",
    ),
    "named": (
        layout("%d-%b-%Y %H:%M:%S.<ms> <C>: <level>: <M>", "queries", "security", "resolver"),
        """
INFO client @0x{id} {ip}#{port} (example.com): query: example.com IN A +E(0)K ({ip})
INFO client @0x{id} {ip}#{port} (example.org): query (cache) 'example.org/A/IN' denied
WARNING checkhints: unable to get root NS rrset from cache: not found
INFO resolver priming query complete
""",
    ),
    "auditd": (
        layout("type=SYSCALL msg=audit({big}.{n}:{n}): <M>"),
        """
INFO arch=c000003e syscall={n} success=yes exit=0 ppid={pid} pid={pid} auid={n} comm="cat"
""",
    ),
    "windows_cbs": (
        layout("%Y-%m-%d %H:%M:%S, Info                  <C>    <M>", "CBS", "CSI"),
        """
INFO Loaded Servicing Stack v6.1.{n}.{n} with Core: {path}
INFO SQM: Initializing online with Windows opt-in: False
INFO Session: {big}_{big} initialized by client WindowsUpdateAgent.
INFO Ending TrustedInstaller initialization.
INFO 000000{n} Creating NT transaction (seq {n}), objectname [6]"(null)"
""",
    ),
    "macos": (
        layout("%b %e %H:%M:%S {host} <C>[{pid}]: <M>", "kernel", "com.apple.xpc.launchd"),
        """
INFO ARPT: {big}.{n}: wl0: setup_keepalive: Local IP: {ip}
INFO Service only ran for {n} seconds. Pushing respawn out by {n} seconds.
INFO en0: channel changed to {n}
INFO AirPort: Link Down on awdl0. Reason 1 (Unspecified).
""",
    ),
    "android": (
        layout("%m-%d %H:%M:%S.<ms>  {pid} {pid} <L> <C>: <M>", "ActivityManager", "WifiService"),
        """
DEBUG Start proc {pid}:com.example.app/u0a{n} for activity
INFO Displayed com.example.app/.MainActivity: +{n}ms
WARN Slow operation: {n}ms so far, now at startProcess
DEBUG acquireWifiLockLocked: WifiLock lock={big}
ERROR Unable to find app for caller android.app.Thread@{hex} (pid={pid})
""",
    ),
    "zfs_history": (
        layout("%Y-%m-%d.%H:%M:%S <M>"),
        """
INFO zfs snapshot tank/data@{n}
INFO zpool scrub tank
INFO zfs destroy tank/data@{n}
""",
    ),
}
