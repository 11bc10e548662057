"""Formats of tools, games, clients and devices."""

from tests.support.loganalysis.log_corpus.headers import ISO, layout

FORMATS = {
    "dpkg": (
        layout(ISO + " <M>"),
        """
INFO status half-configured {package}:amd64 {version}
INFO status unpacked {package}:amd64 {version}
INFO status installed {package}:amd64 {version}
INFO configure {package}:amd64 {version} <none>
INFO upgrade {package}:amd64 {version} {version}
INFO startup archives unpack
INFO startup packages configure
""",
    ),
    "ansible": (
        layout(ISO + ",<ms> p={pid} u={user} n=ansible | <M>"),
        """
INFO PLAY [{service}] *****
INFO TASK [{service} : Install {package}] *****
INFO ok: [{host}]
INFO changed: [{host}]
ERROR fatal: [{host}]: UNREACHABLE! => {"changed": false, "msg": "timed out"}
INFO {host} : ok={n} changed={n} unreachable=0 failed=0
""",
    ),
    "github_actions": (
        layout("%Y-%m-%dT%H:%M:%S.%f0Z <M>"),
        """
INFO ##[group]Run actions/checkout@v{n}
INFO ##[endgroup]
INFO Downloading action archive {url}
INFO Successfully installed {package}-{version}
ERROR ##[error]Process completed with exit code {n}.
INFO remote: Counting objects: {n}% ({n}/{n})
INFO Cache restored from key: Linux-pip-{id}
INFO Collecting {package}=={version}
""",
    ),
    "minecraft": (
        layout("[%H:%M:%S] [<C>/<LEVEL>]: <M>", "Server thread", "User Authenticator #{n}"),
        """
INFO {user} joined the game
INFO {user} left the game
INFO UUID of player {user} is {uuid}
INFO {user}[/{ip}:{port}] logged in with entity id {big} at ({ms}, {n}.0, {ms})
WARN Can't keep up! Is the server overloaded? Running {n}ms or {n} ticks behind
INFO {user} lost connection: Disconnected
INFO {user} has made the advancement [{words}]
INFO Saving chunks for level 'ServerLevel[world]'/minecraft:overworld
""",
    ),
    "game_server": (
        layout("L %m/%d/%Y - %H:%M:%S: <M>"),
        """
INFO "{user}<{n}><STEAM_1:0:{big}><CT>" killed "{user}<{n}><STEAM_1:0:{big}><T>" with "{service}"
INFO "{user}<{n}><STEAM_1:0:{big}><>" connected, address "{ip}:{port}"
INFO "{user}<{n}><STEAM_1:0:{big}><>" entered the game
INFO World triggered "Round_Start"
INFO World triggered "Round_End"
INFO Team "CT" scored "{n}" with "{n}" players
INFO server_cvar: "mp_{service}" "{n}"
""",
    ),
    "ios": (
        layout(
            ISO + ".%f+0200 {host} <C>[{pid}]: (<C>) <M>", "SpringBoard", "backboardd", "locationd"
        ),
        """
INFO Received state update for {n} ({class}, running-{state}-NotVisible)
INFO Ignoring update, assertion {uuid} is not held by {n}
INFO -[{class} setBrightness:] level {ms}
ERROR Connection to {service} interrupted
INFO hosting context {hex} created for pid {pid}
""",
    ),
    "dmesg": (
        layout("[{big}.{n}] <M>"),
        """
INFO usb {n}-{n}: new high-speed USB device number {n} using xhci_hcd
INFO usb {n}-{n}: New USB device found, idVendor={hex}, idProduct={hex}, bcdDevice= {n}.{n}
INFO EXT4-fs (sda{n}): mounted filesystem with ordered data mode. Opts: (null)
INFO e1000e 0000:00:{n}.0 eth{n}: NIC Link is Up {n} Mbps Full Duplex, Flow Control: None
ERROR Out of memory: Killed process {pid} ({service}) total-vm:{n}kB, anon-rss:{n}kB
INFO audit: type={n} audit({big}.{n}:{n}): apparmor="DENIED" operation="open" profile="{path}"
INFO random: crng init done
""",
    ),
    "xorg": (
        layout("[ {n}.{n}] (<C>) <M>", "II", "WW", "--", "**"),
        """
INFO modeset({n}): Output {port_name} connected
INFO modeset({n}): Output {port_name} has no monitor section
INFO Loading {path}
INFO LoadModule: "{service}"
INFO event{n}  - {words}: is tagged by udev as: Keyboard
INFO Option "{class}" "on"
""",
    ),
    "telemetry_csv": (
        layout("%Y-%m-%dT%H:%M:%SZ,<C>,<M>", "line-1", "line-2", "line-3"),
        """
INFO temperature,{ms},C,OK
INFO pressure,{ms},bar,OK
WARN pressure,{ms},bar,HIGH
INFO heartbeat,{n},,OK
""",
    ),
    "modbus_gateway": (
        layout("%d.%m.%Y %H:%M:%S;<LEVEL>;<C>;<M>", "PLC{n}", "HMI"),
        """
INFO Register {n} changed from {n} to {n}
WARN Slave {n} does not answer, retry {n} of 3
ERROR CRC error in frame of {n} bytes
INFO Connection to {ip}:502 established
INFO Connection to {ip}:502 lost
""",
    ),
    "windows_events": (
        layout("%m/%d/%Y %I:%M:%S %p\t<C>\t{n}\t<M>", "Service Control Manager", "Kernel-General"),
        """
INFO The {words} service entered the running state.
INFO The {words} service entered the stopped state.
ERROR The {words} service terminated unexpectedly.  It has done this {n} time(s).
INFO The system time has changed to {n} from {n}.
WARN Name resolution for the name {host} timed out after none of the servers responded.
""",
    ),
    "jenkins": (
        layout(ISO + ".<ms>+0000 [id={n}]\t<LEVEL>\thudson.model.<C>#run: <M>", "Run", "Queue"),
        """
INFO {service} #{n} main build action completed: {state}
INFO Started {class} background thread
INFO Finished {class} background thread. {n} ms
WARNING Failed to instantiate {class} for {service}
INFO Attempting to reconnect {host}
""",
    ),
    "weblogic": (
        layout(
            "####<%b %d, %Y %I:%M:%S %p UTC> <<LEVEL>> <<C>> <{host}> <AdminServer> "
            "<BEA-{n}> <<M>>",
            "WebLogicServer",
            "JDBC",
            "Security",
        ),
        """
NOTICE Server state changed to {state}.
WARNING Connection pool "{service}" has {n} waiters, {n} of {n} connections are in use.
INFO The {words} role was initialized.
ERROR Received exception while creating connection for pool "{service}": {words}.
""",
    ),
    "oracle_alert": (
        layout("%Y-%m-%dT%H:%M:%S.%f+00:00 <M>"),
        """
INFO Thread 1 advanced to log sequence {big} (LGWR switch)
INFO Current log# {n} seq# {big} mem# {n}: {path}
INFO Archived Log entry {n} added for thread 1 sequence {big} ID 0x{hex} dest 1:
ERROR ORA-00060: Deadlock detected. See Note 60.1 for details in {path}
INFO ALTER SYSTEM SET {table}={n} SCOPE=BOTH;
INFO Resize operation completed for file# {n}, old size {big}K, new size {big}K
""",
    ),
    "clickhouse": (
        layout(
            "%Y.%m.%d %H:%M:%S.%f [ {pid} ] {{uuid}} <<LEVEL>> <C>: <M>",
            "executeQuery",
            "MergeTree",
            "TCPHandler",
        ),
        """
DEBUG (from {ip}:{port}) SELECT * FROM {table} (stage: Complete)
INFO Read {big} rows, {ms} MiB in {ms} sec., {big} rows/sec., {ms} MiB/sec.
DEBUG Processed in {ms} sec.
DEBUG Merged {n} parts: from {n} to {n} in {ms} sec
ERROR Code: {n}. DB::Exception: Table {table} does not exist
INFO Reserved {ms} MiB on local disk default, having unreserved {ms} GiB.
""",
    ),
    "mpi_cluster": (
        layout("{big} {host} <C> <C>.state {big} {n} <M>", "node", "switch"),
        """
INFO link error on broadcast tree Interconnect-0T00:{n}:{n}
INFO component state change: component "{service}" is in the {state} state (HWID={n})
WARN ambient={n}
INFO PSU status ( {state} )
INFO boot (command {n}) Error: {words}
INFO linkerror event interval expired
""",
    ),
    "tunnel_client": (
        layout("[%d.%m %H:%M:%S] <C>.exe - <M>", "outlook", "browser", "sync"),
        """
INFO {host}:{port} opened through tunnel {host}:{port}
INFO {host}:{port} closed, {size} sent, {size} received, after {duration}
INFO {host}:{port} failed: connection refused by {host}:{port}
INFO {host}:{port} matches rule {words}, direct connection
""",
    ),
    "backup_tool": (
        layout(ISO + " [<L>] <M>"),
        """
INFO starting backup of {path}
INFO copied {n} files, {size} in {duration}
WARN skipped {path}: permission denied
INFO snapshot {hex} saved
ERROR volume {words} is full, {size} missing
INFO removed {n} old snapshots: {list}
""",
    ),
}
