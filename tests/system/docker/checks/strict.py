"""Checks that both programs work in a container with the fewest possible rights."""

import json
import subprocess

from tests.system.docker.checks.image import IMAGE
from tests.system.docker.engine import complaints, lone_container, python, wait_for_line

OPTIONS = (
    *("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=10001:10001"),
    *("--pids-limit=128", "--memory=256m", "--tmpfs=/tmp:noexec", "--init"),
)

PEEK = '''
"""A job that looks for secrets of other processes."""

import os
import shutil
import subprocess
from pathlib import Path

from runner.job_types.base import Context, JobType, Payload


class PeekPayload(Payload):
    """Nothing."""


class Peek(JobType[PeekPayload]):
    """Reads the environment of every process, changes modes, and leaves a folder without any."""

    name = "peek"
    Payload = PeekPayload
    upload = "none"

    def run(self, payload, context):
        found, seen = "", []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                found += (folder / "environ").read_text()
                seen.append(int(folder.name))
            except OSError:
                pass
        changed = []
        for path in ("/data", "/data/jobs.db", "/data/wakeup", "/proc/self/cwd/../.."):
            try:
                os.chmod(path, 0)
                changed.append(path)
            except OSError:
                pass
        Path("script").touch()
        os.chmod("script", 0o750)
        shutil.copy("script", "copy")
        Path("left").mkdir(mode=0)
        subprocess.run(["true"], check=True)
        result = {"found": found, "seen": seen, "own": os.getpid(), "folder": os.getcwd()}
        return result | {"changed": changed, "mode": oct(os.stat("copy").st_mode)}
'''
START = 'printf %s "$PEEK_SOURCE" > /tmp/peek.py; python -m server & exec python -m runner'
CALL = """
import json, sys, urllib.request
method, path, body = sys.argv[1:]
url, body = 'http://127.0.0.1:5000' + path, body.encode() or None
request = urllib.request.Request(url, body, method=method)
request.add_header('Content-Type', 'application/json')
print(urllib.request.urlopen(request, timeout=60).read().decode())
"""
LOOK_INTO_WORKER = """
from pathlib import Path
for folder in Path('/proc').glob('[0-9]*'):
    if (folder / 'cmdline').read_bytes().endswith(b'-m\\0runner\\0'):
        try:
            print(len((folder / 'environ').read_bytes()))
        except PermissionError:
            print('hidden')
"""
SIZES = "import os, sys; print(*os.listdir(sys.argv[1])); print(os.path.exists(sys.argv[2]))"


def call(container: str, method: str, path: str, document: object = None) -> dict[str, object]:
    """Send a request to the listener in the container. Returns the JSON of the response."""
    body = "" if document is None else json.dumps(document)
    found: dict[str, object] = json.loads(python(container, CALL, method, path, body))
    return found


def the_strictest_container_runs_jobs_and_kills_them() -> str:
    variables = {
        "PYTHONPATH": "/tmp",
        "PEEK_SOURCE": PEEK,
        "JOB_TYPES": "runner.job_types,peek",
        "CALLBACK_SECRET": "s3cret-s3cret-s3cret",
    }
    given = [f"--env={variable}={value}" for variable, value in variables.items()]
    with lone_container(*OPTIONS, *given, IMAGE, "sh", "-c", START) as name:
        for message in ("listening", "ready"):
            wait_for_line(name, message)
        try:
            return _run_jobs(name)
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"{error.stderr}\n{complaints('logs', name)}") from error


def _run_jobs(name: str) -> str:
    peek = call(name, "POST", "/jobs", {"type": "peek", "payload": {}})["job_id"]
    long = call(name, "POST", "/jobs", {"type": "sleep", "payload": {"seconds": 600}})["job_id"]
    job = call(name, "GET", f"/jobs/{peek}?wait=30")
    assert job["status"] == "succeeded", job
    result = job["result"]
    assert isinstance(result, dict)
    assert "s3cret" not in result["found"], "a job can read a secret of another process"
    assert (result["changed"], result["mode"]) == ([], "0o100750"), result
    _, is_left = python(name, SIZES, "/data/work", result["folder"]).splitlines()
    assert is_left == "False"
    call(name, "POST", f"/jobs/{long}/cancel")
    assert call(name, "GET", f"/jobs/{long}")["status"] == "canceled"
    assert python(name, LOOK_INTO_WORKER) == "hidden"
    isolated = result["seen"] == [result["own"]]
    return "jobs see only themselves" if isolated else f"jobs see processes: {result['seen']}"


CHECKS = (the_strictest_container_runs_jobs_and_kills_them,)
