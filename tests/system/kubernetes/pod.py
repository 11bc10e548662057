"""The pod of the SQLite mode, run by `podman kube play` with its security context, its settings,
its secret, its volume and its probes of commands.

podman knows no StatefulSet, so its pod is run as such. It probes by curl in the container, which
the image does not have, so the probes by HTTP are left out.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.support.waiting import wait_for
from tests.system.docker.engine import docker
from tests.system.kubernetes.manifests import Document, render

POD = os.environ.get("POD", "jobs-pod")
IMAGE = f"localhost/{POD}:latest"
FOLDER = Path(os.environ.get("FOLDER", "."))
TOKEN = "a-token-for-the-checks"
SECRET: Document = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "job-service-listener"},
    "stringData": {"api-tokens": f"ops:admin:{TOKEN}\n"},
}
CALL = """
import sys, urllib.request
method, path, body = sys.argv[1:]
headers = {'Content-Type': 'application/json', 'Authorization': 'Bearer TOKEN'}
url = 'http://127.0.0.1:5000' + path
request = urllib.request.Request(url, body.encode() or None, headers, method=method)
print(urllib.request.urlopen(request, timeout=60).read().decode())
""".replace("TOKEN", TOKEN)
RIGHTS = """
import os
def writes(path):
    try:
        open(os.path.join(path, 'probe'), 'w').close()
    except OSError:
        return False
    os.unlink(os.path.join(path, 'probe'))
    return True
print(os.getuid(), *(writes(path) for path in ('/', '/app', '/data', '/tmp')))
print(os.path.exists('/run/secrets/listener'))
print(open('/proc/self/status').read().split('CapBnd:')[1].split()[0])
"""


def podman(*arguments: str, timeout: float = 120) -> str:
    """Run `podman …`. Returns its stdout. Raises CalledProcessError."""
    # crun refuses a machine with both versions of control groups.
    command = ["podman", "--runtime=runc", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, check=True
    ).stdout.strip()


def call(method: str, path: str, document: Any = None) -> Any:
    """Send a request from inside the pod. Returns the JSON of the response."""
    body = "" if document is None else json.dumps(document)
    return json.loads(podman("exec", f"{POD}-listener", "python", "-c", CALL, method, path, body))


def play() -> None:
    """Start the pod, from the documents that kustomize renders."""
    documents: list[Document] = [SECRET]
    for document in render("sqlite"):
        if document["kind"] == "ConfigMap":
            documents.append(document)
        elif document["kind"] == "StatefulSet":
            documents += as_pod(document)
    file = FOLDER / "pod.yaml"
    file.write_text(yaml.safe_dump_all(documents))
    podman("kube", "play", "--network=none", str(file))


def as_pod(document: Document) -> list[Document]:
    """The pod of a StatefulSet, and the claim of its volume."""
    (claim,) = document["spec"]["volumeClaimTemplates"]
    name = claim["metadata"]["name"]
    template = document["spec"]["template"]
    owner = {"volume.podman.io/uid": "10001", "volume.podman.io/gid": "10001"}  # fsGroup
    claim |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    claim["metadata"] = {"name": f"{POD}-{name}", "annotations": owner}
    volume = {"name": name, "persistentVolumeClaim": {"claimName": f"{POD}-{name}"}}
    template["spec"]["volumes"].append(volume)
    for container in template["spec"]["containers"]:
        container |= {"image": IMAGE, "imagePullPolicy": "Never"}
        for probe in [key for key in container if "httpGet" in str(container[key])]:
            del container[probe]
    metadata = {"name": POD, "labels": template["metadata"]["labels"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    return [claim, pod]


def the_image_is_there() -> None:
    docker("build", "--quiet", f"--tag={IMAGE}", ".", timeout=600)
    file = str(FOLDER / "image.tar")
    docker("save", f"--output={file}", IMAGE)
    docker("image", "rm", IMAGE)
    podman("load", "--quiet", f"--input={file}")
    os.unlink(file)


def the_pod_starts() -> None:
    play()
    wait_for(is_well, timeout=90)


def is_well() -> bool:
    """Whether the listener and its store respond."""
    try:
        return bool(call("GET", "/healthz")["status"] == "ok")
    except (subprocess.CalledProcessError, ValueError):
        return False


def jobs_run() -> None:
    job = call("POST", "/jobs?wait=50", {"type": "sleep", "payload": {"seconds": 0}})
    assert job["status"] == "succeeded", job
    (worker,) = call("GET", "/overview")["runners"]
    assert worker["slots"] == 3, worker


def the_probe_of_the_worker_passes() -> None:
    podman("healthcheck", "run", f"{POD}-worker")


def the_containers_have_no_rights_to_spare() -> None:
    for name in ("listener", "worker"):
        rights, secrets, capabilities = podman(
            "exec", f"{POD}-{name}", "python", "-c", RIGHTS
        ).splitlines()
        assert rights == "10001 False False True True", rights
        assert secrets == str(name == "listener"), secrets
        assert int(capabilities, 16) == 0, capabilities


def a_new_pod_finds_the_jobs_of_the_last_one() -> None:
    job = call("POST", "/jobs?wait=50", {"type": "sleep", "payload": {"seconds": 0}})
    podman("pod", "stop", "--time=40", POD)
    states = podman("inspect", "--format={{.State.ExitCode}}", f"{POD}-listener", f"{POD}-worker")
    assert states.split() == ["0", "0"], states
    podman("pod", "rm", POD)
    play()
    wait_for(is_well, timeout=90)
    assert call("GET", f"/jobs/{job['job_id']}")["status"] == "succeeded"
    jobs_run()


CHECKS = (
    jobs_run,
    the_probe_of_the_worker_passes,
    the_containers_have_no_rights_to_spare,
    a_new_pod_finds_the_jobs_of_the_last_one,
)
