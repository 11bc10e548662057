"""Runs as root in the virtual machine: waits for the service, runs jobs, and writes what it saw."""

import json
import pathlib
import subprocess
import time
import traceback
import urllib.request
from typing import Any

WORKER = "job-service-worker"
START_SECONDS = 300


def main() -> None:
    """Write `/found.json`."""
    try:
        found = look()
    except Exception:
        journal = shell("journalctl -o cat -n 40 -u 'job-service*'")
        found = {"error": f"{traceback.format_exc()}\n{journal}"}
    pathlib.Path("/found.json").write_text(json.dumps(found))


def look() -> dict[str, Any]:
    """Run jobs, and return what was seen."""
    wait_until_active()
    pid = shell(f"systemctl show -P MainPID {WORKER}")
    slept = run_job("sleep", {"seconds": 0})
    before = overview()["cgroups"]
    greedy = run_job("greedy", {"children": 4}, memory_bytes=160 << 20)
    is_same = shell(f"systemctl show -P MainPID {WORKER}") == pid
    shell(f"systemctl restart {WORKER}")
    return {
        "status": slept["status"],
        "cgroups": [before, overview()["cgroups"]],
        "outcomes": [each["outcome"] for each in greedy["attempts"]],
        "same_worker": is_same,
    }


def wait_until_active() -> None:
    """Wait until both programs are ready."""
    end = time.monotonic() + START_SECONDS
    while shell(f"systemctl is-active {WORKER} job-service-listener").split() != ["active"] * 2:
        if time.monotonic() > end:
            raise TimeoutError("the service does not start")
        time.sleep(1)


def run_job(type: str, payload: Any, **options: Any) -> dict[str, Any]:
    """Run a job. Returns it with its attempts."""
    job = call("/jobs?wait=50", {"type": type, "payload": payload, **options})
    return call(f"/jobs/{job['job_id']}")


def overview() -> dict[str, Any]:
    """The newest worker, as GET /overview shows it."""
    runners = call("/overview")["runners"]
    return dict(max(runners, key=lambda each: str(each["started_at"])))


def call(path: str, document: Any = None) -> dict[str, Any]:
    """Send a request. Returns the JSON of the response."""
    body = json.dumps(document).encode() if document else None
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:5000{path}", body, headers)
    with urllib.request.urlopen(request, timeout=120) as response:
        return dict(json.load(response))


def shell(command: str) -> str:
    """Run a command. Returns its stdout."""
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
