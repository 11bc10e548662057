"""The set `kernel`. The messages are from Linux 6.12."""

from loganalysis.pattern_sets.pattern import BuiltInPattern as P
from loganalysis.pattern_sets.pattern import BuiltInSet

_AT = "Nov 29 13:12:01 web1 kernel: [12345.678901]"

KERNEL = BuiltInSet(
    "kernel",
    "Faults of memory, disks, network and processors in the log of the Linux kernel",
    (
        P(
            "kernel out of memory",
            " of memory: Killed process ",
            f"{_AT} Out of memory: Killed process 4711 (java) total-vm:8388608kB",
            f"{_AT} java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
        ),
        P(
            "kernel OOM killer",
            " invoked oom-killer: ",
            f"{_AT} java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0",
            f"{_AT} oom_reaper: reaped process 4711 (java), now anon-rss:0kB",
        ),
        P(
            "kernel allocation failure",
            ": page allocation failure: ",
            f"{_AT} kworker/0:1: page allocation failure: order:4, mode:0x40dc0",
            f"{_AT} page allocation stalls for 10004ms",
        ),
        P(
            "kernel panic",
            "Kernel panic - not syncing",
            f"{_AT} Kernel panic - not syncing: Fatal exception",
            f"{_AT} Command line: panic=10",
        ),
        P(
            "kernel BUG",
            "kernel BUG at ",
            f"{_AT} kernel BUG at mm/slub.c:4711!",
            f"{_AT} BUG: Bad page state in process java",
        ),
        P(
            "kernel null pointer",
            "kernel NULL pointer dereference",
            f"{_AT} BUG: kernel NULL pointer dereference, address: 0000000000000008",
            f"{_AT} BUG: unable to handle page fault for address: ffffc90000000000",
        ),
        P(
            "kernel warning",
            "WARNING: CPU: ",
            f"{_AT} WARNING: CPU: 3 PID: 4711 at net/core/dev.c:123 dev_watchdog+0x1/0x2",
            f"{_AT} Warning: unable to open an initial console.",
        ),
        P(
            "kernel call trace",
            "Call Trace:",
            f"{_AT} Call Trace:",
            f"{_AT} Trace of calls",
        ),
        P(
            "kernel protection fault",
            "general protection fault",
            f"{_AT} general protection fault, probably for non-canonical address 0xdead: 0000",
            f"{_AT} java[4711] trap divide error ip:401126 sp:7ffd error:0",
        ),
        P(
            "kernel segfault",
            " segfault at ",
            f"{_AT} nginx[4711]: segfault at 8 ip 00007f01 sp 00007ffd error 4 in libc.so.6",
            f"{_AT} nginx[4711]: trap invalid opcode ip:401126 sp:7ffd error:0",
        ),
        P(
            "kernel soft lockup",
            "soft lockup - CPU#",
            f"{_AT} watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [java:4711]",
            f"{_AT} watchdog: Disabling soft lockup detector",
        ),
        P(
            "kernel hard lockup",
            "hard LOCKUP on cpu ",
            f"{_AT} NMI watchdog: Watchdog detected hard LOCKUP on cpu 3",
            f"{_AT} NMI watchdog: Enabled. Permanently consumes one hw-PMU counter.",
        ),
        P(
            "kernel hung task",
            " blocked for more than ",
            f"{_AT} INFO: task jbd2/sda1-8:321 blocked for more than 120 seconds.",
            f"{_AT} task blocked",
        ),
        P(
            "kernel RCU stall",
            "detected stall",
            f"{_AT} rcu: INFO: rcu_preempt self-detected stall on CPU",
            f"{_AT} rcu: Hierarchical RCU implementation.",
        ),
        P(
            "kernel I/O error",
            "I/O error, dev ",
            f"{_AT} blk_update_request: I/O error, dev sda, sector 123456 op 0x0:(READ)",
            f"{_AT} Buffer I/O error on device sda1",
        ),
        P(
            "kernel buffer I/O error",
            "Buffer I/O error on dev",
            f"{_AT} Buffer I/O error on dev sda1, logical block 7, lost async page write",
            f"{_AT} I/O error, dev sda, sector 123456",
        ),
        P(
            "kernel ATA error",
            " exception Emask ",
            f"{_AT} ata1.00: exception Emask 0x0 SAct 0x0 SErr 0x0 action 0x6 frozen",
            f"{_AT} ata1.00: configured for UDMA/133",
        ),
        P(
            "kernel ext4 error",
            "EXT4-fs error (device ",
            f"{_AT} EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2: comm ls",
            f"{_AT} EXT4-fs (sda1): mounted filesystem with ordered data mode",
        ),
        P(
            "kernel btrfs error",
            "BTRFS error (device ",
            f"{_AT} BTRFS error (device sda1): bdev /dev/sda1 errs: wr 1, rd 0, flush 0",
            f"{_AT} BTRFS info (device sda1): using crc32c",
        ),
        P(
            "kernel XFS shutdown",
            "Shutting down filesystem",
            f"{_AT} XFS (sda1): Corruption of in-memory data detected. Shutting down filesystem.",
            f"{_AT} XFS (sda1): Unmounting Filesystem",
        ),
        P(
            "kernel read-only filesystem",
            "Remounting filesystem read-only",
            f"{_AT} EXT4-fs (sda1): Remounting filesystem read-only",
            f"{_AT} EXT4-fs (sda1): re-mounted. Opts: errors=remount-ro",
        ),
        P(
            "kernel link down",
            "Link is Down",
            f"{_AT} e1000e: eth0 NIC Link is Down",
            f"{_AT} e1000e: eth0 NIC Link is Up 1000 Mbps Full Duplex",
        ),
        P(
            "kernel network watchdog",
            "NETDEV WATCHDOG: ",
            f"{_AT} NETDEV WATCHDOG: eth0 (e1000e): transmit queue 0 timed out",
            f"{_AT} eth0: transmit queue 0",
        ),
        P(
            "kernel conntrack full",
            "nf_conntrack: table full",
            f"{_AT} nf_conntrack: nf_conntrack: table full, dropping packet",
            f"{_AT} nf_conntrack version 0.5.0 (65536 buckets, 262144 max)",
        ),
        P(
            "kernel SYN flood",
            "Possible SYN flooding on port ",
            f"{_AT} TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:443. Sending"
            " cookies.",
            f"{_AT} TCP: Hash tables configured",
        ),
        P(
            "kernel hardware error",
            "[Hardware Error]: ",
            f"{_AT} mce: [Hardware Error]: Machine check events logged",
            f"{_AT} mce: CPU supports 20 MCE banks",
        ),
        P(
            "kernel too hot",
            "temperature is above threshold",
            f"{_AT} CPU3: Core temperature is above threshold, cpu clock is throttled",
            f"{_AT} CPU3: Core temperature/speed normal",
        ),
        P(
            "kernel USB disconnect",
            "USB disconnect, device number ",
            f"{_AT} usb 1-4: USB disconnect, device number 7",
            f"{_AT} usb 1-4: new high-speed USB device number 7 using xhci_hcd",
        ),
    ),
)
