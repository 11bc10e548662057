"""Formats of databases, queues and distributed storage."""

from tests.support.loganalysis.log_corpus.headers import ISO, layout

FORMATS = {
    "postgresql": (
        layout(ISO + ".<ms> UTC [{pid}] <LEVEL>:  <M>"),
        """
LOG checkpoint complete: wrote {n} buffers (0.{n}%); write={ms} s, sync={ms} s
LOG connection received: host={ip} port={port}
LOG connection authorized: user={user} database=app
ERROR duplicate key value violates unique constraint "{table}_pkey"
ERROR deadlock detected
LOG automatic vacuum of table "app.public.{table}": index scans: {n}
FATAL remaining connection slots are reserved for superuser connections
""",
    ),
    "mysql": (
        layout("%Y-%m-%dT%H:%M:%S.%fZ {n} [<C>] [MY-{n}] [Server] <M>", "Warning", "Note"),
        """
INFO IP address '{ip}' could not be resolved: Name or service not known
INFO Aborted connection {n} to db: 'app' user: '{user}' host: '{ip}' (Got timeout)
INFO Access denied for user '{user}'@'{host}' (using password: YES)
INFO Plugin mysqlx reported: 'IPv6 is available'
""",
    ),
    "redis": (
        layout("{pid}:M %d %b %Y %H:%M:%S.<ms> * <M>"),
        """
INFO {n} changes in {n} seconds. Saving...
INFO Background saving started by pid {pid}
INFO DB saved on disk
INFO Background saving terminated with success
INFO Replica {ip}:{port} asks for synchronization
""",
    ),
    "mongodb": (
        layout(
            '{"t":{"$date":"%Y-%m-%dT%H:%M:%S.<ms>+00:00"},"s":"<L>","c":"<C>","msg":"<M>","attr":{"n":{n}}}',
            "NETWORK",
            "STORAGE",
        ),
        """
INFO Connection accepted
INFO Connection ended
INFO WiredTiger message
WARN Slow query
""",
    ),
    "elasticsearch": (
        layout(
            "[%Y-%m-%dT%H:%M:%S,<ms>][<LEVEL> ][<C>] [{host}] <M>",
            "o.e.c.m.MetadataCreateIndexService",
            "o.e.m.j.JvmGcMonitorService",
        ),
        """
INFO [logs-{n}] creating index, cause [api], templates [logs], shards [{n}]/[{n}]
WARN [gc][{big}] overhead, spent [{n}ms] collecting in the last [{n}s]
INFO Cluster health status changed from [YELLOW] to [GREEN]
ERROR failed to delete stale index {uuid}
""",
    ),
    "kafka": (
        layout(
            "[%Y-%m-%d %H:%M:%S,<ms>] <LEVEL> [<C> id={n}] <M> (kafka.server.Server)",
            "ReplicaManager",
            "GroupCoordinator",
        ),
        """
INFO Stabilized group {service} generation {n} with {n} members
INFO Truncating partition orders-{n} to local high watermark {big}
INFO Preparing to rebalance group {service} in state Stable with old generation {n}
WARN Leader epoch request failed for partition orders-{n}
ERROR Error while creating log for partition orders-{n} in dir {path}
""",
    ),
    "zookeeper": (
        layout(
            ISO + ",<ms> - <LEVEL>  [<C>:FastLeaderElection@{n}] - <M>",
            "WorkerReceiver[myid=1]",
            "QuorumPeer[myid=1]/0:0:0:0:0:0:0:0:2181",
        ),
        """
INFO Notification time out: {n}
INFO Accepted socket connection from /{ip}:{port}
INFO Closed socket connection for client /{ip}:{port} (no session established)
WARN Cannot open channel to {n} at election address /{ip}:{port}
INFO Established session 0x{id} with negotiated timeout {n} for client /{ip}:{port}
""",
    ),
    "cassandra": (
        layout(
            "<LEVEL>  [<C>:{n}] %Y-%m-%d %H:%M:%S,<ms> ColumnFamilyStore.java:{n} - <M>",
            "MemtableFlushWriter",
            "CompactionExecutor",
        ),
        """
INFO Enqueuing flush of {table}: {n}KiB (0%) on-heap, {n}KiB (0%) off-heap
INFO Compacted {n} sstables to {path}. {big} bytes to {big}
WARN Batch for [app.{table}] is of size {n}, exceeding specified threshold
INFO Completed flushing {path} ({n}KiB) for commitlog position
""",
    ),
    "hdfs": (
        layout("%y%m%d %H%M%S {n} <LEVEL> dfs.<C>: <M>", "DataNode$DataXceiver", "FSNamesystem"),
        """
INFO Receiving block blk_{big} src: /{ip}:{port} dest: /{ip}:50010
INFO Received block blk_{big} of size {big} from /{ip}
INFO BLOCK* NameSystem.addStoredBlock: blockMap updated: {ip}:50010 is added to blk_{big}
INFO PacketResponder {n} for block blk_{big} terminating
INFO Verification succeeded for blk_{big}
WARN {ip}:50010:Got exception while serving blk_{big} to /{ip}:
""",
    ),
    "spark": (
        layout("%y/%m/%d %H:%M:%S <LEVEL> <C>: <M>", "executor.Executor", "storage.MemoryStore"),
        """
INFO Running task {n}.0 in stage {n}.0 (TID {n})
INFO Finished task {n}.0 in stage {n}.0 (TID {n}). {n} bytes result sent to driver
INFO Block broadcast_{n} stored as values in memory (estimated size {n} KB, free {n} KB)
INFO Found block rdd_{n}_{n} locally
ERROR Exception in task {n}.0 in stage {n}.0 (TID {n})
""",
    ),
    "rabbitmq": (
        layout(ISO + ".%f+00:00 [<level>] <0.{n}.0> <M>"),
        """
INFO accepting AMQP connection <0.{n}.0> ({ip}:{port} -> {ip}:5672)
INFO closing AMQP connection <0.{n}.0> ({ip}:{port} -> {ip}:5672)
WARNING closing AMQP connection <0.{n}.0> ({ip}:{port}): client unexpectedly closed TCP connection
ERROR Channel error on connection <0.{n}.0>, channel {n}: no exchange
""",
    ),
    "etcd": (
        layout(
            '{"level":"<level>","ts":"%Y-%m-%dT%H:%M:%S.<ms>Z","caller":"<C>:{n}","msg":"<M>"}',
            "raft/raft.go",
            "mvcc/index.go",
        ),
        """
INFO compact tree index
WARN apply request took too long
INFO saved snapshot
INFO elected leader
""",
    ),
    "ceph": (
        layout(
            "%Y-%m-%dT%H:%M:%S.%f+0000 {id}  0 log_channel(cluster) log [<C>] : <M>", "DBG", "WRN"
        ),
        """
INFO {n}.{hex} scrub starts
INFO {n}.{hex} scrub ok
INFO Health check failed: {n} osds down (OSD_DOWN)
INFO slow request osd_op(client.{n}.0:{n}) initiated
""",
    ),
}
