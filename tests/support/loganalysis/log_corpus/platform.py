"""Formats of clusters, clouds, devices and schedulers."""

from tests.support.loganalysis.log_corpus.headers import ISO, layout

FORMATS = {
    "klog": (
        layout("<L>%m%d %H:%M:%S.%f {pid} <C>:{n}] <M>", "controller.go", "reflector.go"),
        """
INFO Watch close - *v1.Pod total {n} items received
ERROR Failed to list *v1.Node: Get "{url}": dial tcp {ip}:{port}: connect: connection refused
INFO Starting controller
WARNING Unable to update pod {uuid}, retrying
INFO Scaled up replica set {hex} to {n}
""",
    ),
    "containerd": (
        layout('time="%Y-%m-%dT%H:%M:%S.<ms>Z" level=<level> msg="<M>" id={id}'),
        """
INFO CreateContainer within sandbox {id} for container
INFO StartContainer for {id} returns successfully
WARNING cleanup warnings
INFO shim disconnected
ERROR failed to handle container TaskExit event
""",
    ),
    "docker_json": (
        layout('{"log":"<M>\\n","stream":"stdout","time":"%Y-%m-%dT%H:%M:%S.<ms>Z"}'),
        """
INFO listening on port {port}
INFO request {uuid} finished after {n} ms
INFO cannot reach {host}
""",
    ),
    "openstack": (
        layout(
            "nova-api.log {big} " + ISO + ".<ms> {pid} <LEVEL> <C> [req-{uuid} - - -] <M>",
            "nova.compute.manager",
            "nova.virt.libvirt.driver",
        ),
        """
INFO [instance: {uuid}] VM Started (Lifecycle Event)
INFO [instance: {uuid}] VM Paused (Lifecycle Event)
INFO [instance: {uuid}] Took {ms} seconds to spawn the instance on the hypervisor.
INFO Creating image
WARN Unknown base file: {path}
""",
    ),
    "hadoop": (
        layout(
            ISO + ",<ms> <LEVEL> [<C>] org.apache.hadoop.mapred.TaskImpl: <M>",
            "main",
            "IPC Server handler {n} on {port}",
        ),
        """
INFO Progress of TaskAttempt attempt_{big}_{n}_m_{n} is : 0.{n}
INFO Task succeeded with attempt attempt_{big}_{n}_m_{n}
INFO JVM with ID : jvm_{big}_{n} asked for a task
WARN Address change detected. Old: {host}/{ip}:{port} New: {host}:{port}
ERROR ERROR IN CONTACTING RM.
""",
    ),
    "bgl": (
        layout(
            "- {big} %Y.%m.%d R{n}-M1 %Y-%m-%d-%H.%M.%S.%f R{n}-M1 RAS <C> <LEVEL> <M>",
            "KERNEL",
            "APP",
        ),
        """
INFO instruction cache parity error corrected
INFO generating core.{n}
FATAL data TLB error interrupt
FATAL machine check interrupt
INFO {n} double-hummer alignment exceptions
INFO CE sym {n}, at 0x{hex}, mask 0x{hex}
""",
    ),
    "slurm": (
        layout("[%Y-%m-%dT%H:%M:%S.<ms>] <M>"),
        """
INFO sched: Allocate JobId={big} NodeList={host} #CPUs={n} Partition=batch
INFO _job_complete: JobId={big} WEXITSTATUS 0
INFO _job_complete: JobId={big} done
ERROR error: Nodes {host} not responding
""",
    ),
    "terraform": (
        layout("%Y-%m-%dT%H:%M:%S.<ms>Z [<LEVEL>] <C>: <M>", "provider.aws", "core"),
        """
DEBUG HTTP Request Sent: rpc.method=DescribeInstances duration={n}
INFO Module installer: initializing {service}
TRACE vertex "{service}": starting visit
WARN Provider produced an unexpected new value
""",
    ),
    "cisco": (
        layout("%b %d %H:%M:%S.<ms>: %%<C>: <M>", "LINK-3-UPDOWN", "SYS-5-CONFIG_I"),
        """
INFO Interface GigabitEthernet0/{n}, changed state to up
INFO Interface GigabitEthernet0/{n}, changed state to down
INFO Configured from console by {user} on vty0 ({ip})
""",
    ),
    "printer": (
        layout("%m/%d/%Y %H:%M:%S;<C>;<M>", "spooler", "device"),
        """
INFO Job {n} queued by {user}
INFO Job {n} printed, {n} pages
ERROR Paper jam in tray {n}
""",
    ),
    "health_app": (
        layout("%Y%m%d-%H:%M:%S:<ms>|Step_<C>|{big}|<M>", "LSC", "SPUtils"),
        """
INFO onStandStepChanged {n}
INFO getTodayTotalDetailSteps = {big}##{n}##{n}
INFO calculateCaloriesWithCache totalCalories={big}
INFO processHandleBroadcastAction action:android.intent.action.SCREEN_ON
""",
    ),
    "vpn_proxy": (
        layout("[%m.%d %H:%M:%S] chrome.exe - <M>"),
        """
INFO {host}:{port} open through proxy {host}:{port} HTTPS
INFO {host}:{port} close, {n} bytes sent, {n} bytes received, lifetime 00:{n}
INFO {host}:{port} error : Could not connect through proxy {host}:{port} - status code 403
""",
    ),
    "plc": (
        layout("{big} %Y-%m-%d %H:%M:%S.<ms> <C> <level> <M>", "axis-3", "pump-1"),
        """
INFO position reached after {n} ms
WARN torque {n} Nm above limit {n} Nm
ERROR emergency stop pressed
""",
    ),
}
