"""Runs the service for ARM on this machine, by qemu: as far as that is possible without an image.

    python -m tests.system.arm

It takes Debian's Python for arm64, and the wheels of requirements.lock for aarch64, by their
hashes, into `.cache/arm`. Then it analyzes files with both kernels, whose results must be equal,
and starts a listener and a worker, which run two jobs. It shows nothing about Landlock, seccomp,
speed, and the base image. It needs a connection, and apt-get for the system's release.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from tests.support.api import form
from tests.support.paths import ROOT
from tests.system.arm import analyses

CACHE = ROOT / ".cache" / "arm"
SYSTEM, SITE, QEMU = CACHE / "root", CACHE / "site", CACHE / "qemu" / "usr/bin/qemu-aarch64"
PYTHON = CACHE / "python"
PACKAGES = (
    *("python3.13", "python3.13-minimal", "libpython3.13-minimal", "libpython3.13-stdlib"),
    *("libc6", "libssl3t64", "zlib1g", "libffi8", "libexpat1", "libsqlite3-0", "libbz2-1.0"),
    *("liblzma5", "libuuid1", "libgcc-s1", "libstdc++6", "libzstd1", "libcrypt1", "netbase"),
)
"""Debian's packages for arm64. apt-get is not asked to resolve: nothing is installed."""
ENVIRONMENT = {
    "platform_machine": "aarch64",
    "python_version": "3.13",
    "python_full_version": "3.13.5",
}
GLIBC = (17, 24, 26, 27, 28, 31, 34)
READY_SECONDS, JOB_SECONDS = 300.0, 300.0


def main() -> int:
    """Prepare, compare and run; returns the exit code."""
    CACHE.mkdir(parents=True, exist_ok=True)
    if not PYTHON.exists():
        get_system()
    if not SITE.exists():
        get_wheels()
    say(f"emulated: {run('import platform, sys; print(platform.machine(), sys.version)')}")
    differing = compare()
    jobs = run_service()
    for line in (*differing, *jobs):
        say(line)
    say(f"violations: {len(differing) + len(jobs)}")
    return int(bool(differing or jobs))


def get_system() -> None:
    """Unpack qemu, and Debian's Python for arm64."""
    settings = {
        "APT::Sandbox::User": "root",
        "Dir::State": CACHE / "apt",
        "Dir::State::Lists": CACHE / "apt/lists",
        "Dir::State::status": CACHE / "apt/status",
        "Dir::Cache": CACHE / "apt/cache",
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
    }
    for folder in ("lists/partial", "cache/archives/partial", "debs", "amd64"):
        (CACHE / "apt" / folder).mkdir(parents=True, exist_ok=True)
    (CACHE / "apt/status").touch()
    config = CACHE / "apt/config"
    config.write_text("".join(f'{name} "{value}";\n' for name, value in settings.items()))
    environ = {**os.environ, "APT_CONFIG": str(config)}
    debs, own = CACHE / "apt/debs", CACHE / "apt/amd64"
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environ)
    subprocess.run(["apt-get", "download", *PACKAGES], check=True, env=environ, cwd=debs)
    download = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "qemu-user"]
    subprocess.run(download, check=True, cwd=own)
    for deb in debs.glob("*.deb"):
        subprocess.run(["dpkg", "-x", deb, SYSTEM], check=True)
    for deb in own.glob("*.deb"):
        subprocess.run(["dpkg", "-x", deb, CACHE / "qemu"], check=True)
    if not (SYSTEM / "lib").exists():
        (SYSTEM / "lib").symlink_to("usr/lib")
    # Programs start others by sys.executable, which must be this script.
    command = f'{QEMU} -L {SYSTEM} -0 {PYTHON} {SYSTEM}/usr/bin/python3.13 "$@"'
    PYTHON.write_text(f"#!/bin/sh\nexec {command}\n")
    PYTHON.chmod(0o755)


def get_wheels() -> None:
    """Install the packages of the image for aarch64, each with one of its hashes in the lock."""
    lock = CACHE / "requirements.lock"
    lock.write_text(for_arm((ROOT / "requirements.lock").read_text()))
    target = ["--target", str(SITE), "--python-version", "3.13", "--implementation", "cp"]
    abis = [word for abi in ("cp313", "abi3", "none") for word in ("--abi", abi)]
    platforms = [f"manylinux_2_{minor}_aarch64" for minor in GLIBC] + ["manylinux2014_aarch64"]
    target += [*abis, *(word for each in platforms for word in ("--platform", each))]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    hashed = ["--no-deps", "--no-compile", "--only-binary", ":all:", "--require-hashes"]
    subprocess.run([*pip, *hashed, "-r", str(lock), *target], check=True, cwd=ROOT)


def for_arm(lock: str) -> str:
    """Return a lock without packages that ARM does not need, and without conditions."""
    kept = []
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        head, separator, hashes = entry.partition(" \\\n")
        if not separator:  # an option, such as --find-links
            kept.append(entry)
            continue
        needed = Requirement(head)
        if needed.marker is None or needed.marker.evaluate(ENVIRONMENT):
            kept.append(f"{needed.name}{needed.specifier} \\\n{hashes}")
    return "\n".join(kept) + "\n"


def environ(**more: str) -> dict[str, str]:
    """The variables of an emulated program."""
    paths = {"PYTHONHOME": f"{SYSTEM}/usr", "PYTHONPATH": str(SITE)}
    return {**os.environ, **paths, **more}


def run(code: str) -> str:
    """Run Python code on the emulated machine; returns what it prints."""
    done = subprocess.run(
        [PYTHON, "-c", code], check=True, cwd=ROOT, env=environ(), capture_output=True, text=True
    )
    return done.stdout.strip()


def compare() -> list[str]:
    """Analyze files here and on the emulated machine; returns which results differ."""
    with tempfile.TemporaryDirectory() as name:
        expected = analyses.analyze_all(Path(name))
        found = json.loads(
            run(
                "import json; from pathlib import Path; from tests.system.arm import analyses; "
                f"print(json.dumps(analyses.analyze_all(Path({name!r}))))"
            )
        )
    say(f"analyses: {len(expected)}")
    return [f"the results of {name} differ" for name in expected if found[name] != expected[name]]


def run_service() -> list[str]:
    """Start the programs, and run a job of each kind; returns what is wrong."""
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "log"
        settings = {"DATA_DIR": f"{name}/data", "PORT": "0", "HOST": "127.0.0.1"}
        settings |= {"LEASE_SECONDS": "120", "LOG_FORMAT": "json", "JOB_TYPES_FOLDER": ""}
        with log.open("wb") as output:
            program = subprocess.Popen(
                [PYTHON, "-m", "server", "--with-worker"],
                cwd=ROOT,
                env=environ(**settings),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            return list(try_jobs(log))
        finally:
            os.killpg(program.pid, signal.SIGTERM)
            program.wait(60)


def try_jobs(log: Path) -> Iterator[str]:
    """Run two jobs at the service with this log; yields what is wrong."""
    port = wait_until(lambda: re.search(r'"listening".*?"port": (\d+)', log.read_text()))
    url = f"http://127.0.0.1:{port[1]}/jobs"
    body = {"type": "sleep", "payload": {"seconds": 0.1}}
    jobs = {"sleep": (json.dumps(body).encode(), "application/json")}
    parts = [("type", None, b"analyze"), ("payload", None, b'{"patterns": ["ERROR"]}')]
    jobs["analyze"] = form([*parts, ("file", "app.log", b"an ERROR\n" * 1000)])
    for name, (content, kind) in jobs.items():
        job = call(url, content, kind)
        while job["status"] in ("queued", "running"):
            time.sleep(1)
            job = call(f"{url}/{job['job_id']}")
        say(f"job {name}: {job['status']}, {job['result']}"[:100])
        if job["status"] != "succeeded":
            yield f"the job {name} is {job['status']}: {job['error']}"


def call(url: str, body: bytes | None = None, kind: str = "") -> dict[str, Any]:
    """Send a request to the service."""
    request = urllib.request.Request(url, body, {"Content-Type": kind} if kind else {})
    with urllib.request.urlopen(request, timeout=JOB_SECONDS) as answer:
        return dict(json.load(answer))


def wait_until(find: Any) -> Any:
    """Wait for a result that is true. Raises TimeoutError."""
    until = time.monotonic() + READY_SECONDS
    while not (found := find()):
        if time.monotonic() > until:
            raise TimeoutError("the emulated service does not start")
        time.sleep(0.5)
    return found


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
