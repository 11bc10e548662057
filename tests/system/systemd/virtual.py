"""A user-mode Linux whose kernel has all controllers of control groups of version 2, which the
machine that runs the tests may not have: the worker's unit delegates its group (`Delegate=`).

Its root is a container's file system, in which the service is installed without a running systemd.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT
from tests.system.docker.engine import docker
from tests.system.systemd.machine import INSTALL_SECONDS, NAME

RUN_SECONDS = 600.0
# Without a running systemd, `systemctl enable` works, and the other commands of `activate` do not.
INSTALL = """
mkdir /offline
cat >/offline/systemctl <<'END'
#!/bin/sh
[ "$1" = enable ] || exit 0
shift
for name; do case $name in -*) ;; *) /usr/bin/systemctl enable --quiet "$name" ;; esac; done
END
chmod +x /offline/systemctl
PATH=/offline:$PATH make --no-print-directory -C /src install-systemd
install -D -m 644 /src/tests/system/systemd/files/greedy.py /etc/job-service/job_types/greedy.py
install -m 755 /src/tests/system/systemd/files/in_virtual_machine.py /check.py
cat >/etc/systemd/system/check.service <<'END'
[Unit]
After=multi-user.target
[Service]
ExecStart=python3 /check.py
ExecStopPost=systemctl poweroff --force --force
END
ln -s ../check.service /etc/systemd/system/multi-user.target.wants/check.service
# Files that a guest makes on a file system of its host belong to the user of the host.
echo "tmpfs /var/lib/job-service tmpfs mode=0700,uid=$(id -u job-service) 0 0" >/etc/fstab
"""


def run() -> dict[str, Any]:
    """Start the virtual machine, and return what its checks have found."""
    root = Path(os.environ["CONTEXT"]) / "root"
    root.mkdir()
    container = f"{NAME}-root"
    environ = ("--env=PIP_NO_INDEX=1", "--env=PIP_FIND_LINKS=/wheels")
    source = f"--volume={ROOT}:/src:ro"
    named = (f"--name={container}", f"--label={NAME}")
    docker("run", *named, *environ, source, NAME, "sh", "-euc", INSTALL, timeout=INSTALL_SECONDS)
    archive = root.with_suffix(".tar")
    docker("export", f"--output={archive}", container, timeout=INSTALL_SECONDS)
    subprocess.run(["tar", "-xf", str(archive), "-C", str(root)], check=True)
    archive.unlink()
    options = ("rw", "mem=1500M", "init=/lib/systemd/systemd", "con=null", "con0=fd:0,fd:1")
    subprocess.run(
        ["linux.uml", "rootfstype=hostfs", f"rootflags={root}", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=RUN_SECONDS,
        check=False,
    )
    return dict(json.loads((root / "found.json").read_text()))


def each_job_has_a_control_group_of_its_own() -> str:
    found = run()
    assert "error" not in found, found["error"]
    assert found["cgroups"] == [True, True], found  # also after a restart of the worker
    assert found["status"] == "succeeded", found
    assert {*found["outcomes"]} == {"out_of_memory"}, found
    assert found["same_worker"], "a job above its memory has ended the worker"
    return "a job whose processes exceed its memory together fails alone"
