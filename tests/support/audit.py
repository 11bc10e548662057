"""Writes the bill of materials of the image, and asks for known faults of all pinned packages.

    python -m tests.support.audit

Exit code 1 if a package has a known fault. Without a connection to the advisories, it says so and
exits with 0: then the oldest allowed versions in tests/test_requirements.py are all there is. The
tools are installed in an environment of their own, since they bring many packages.
"""

import json
import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT

TOOLS = ("pip-audit==2.10.1", "cyclonedx-bom==7.5.0")
FOLDER = ROOT / ".cache"
BILLS = {"requirements.lock": "sbom.json", "requirements-tracing.lock": "sbom-tracing.json"}
"""The file of each bill of materials, by its lock: of the image, and of what TRACING=1 adds."""
LOCKS = (*BILLS, "tests/requirements.lock")
_OWN = re.compile(r"^(job-service-scan==.*\\\n( .*\\\n)* .*\n|--find-links.*\n)", re.MULTILINE)
_OFFLINE = re.compile("connect|connection|resolve|timed out|retries|unreachable", re.IGNORECASE)


def main() -> int:
    """Write the bill and ask. Returns the exit code."""
    tools = install_tools()
    if tools is None:
        return _say(0, "not audited: the tools cannot be installed without a connection")
    write_bills(tools)
    return max(_say(*verdict(lock, *ask(tools, lock))) for lock in LOCKS)


def install_tools() -> Path | None:
    """Install the tools, and return their environment. None without a connection."""
    tools = FOLDER / "audit"
    venv.create(tools, with_pip=True)
    install = ("install", "--quiet", "--disable-pip-version-check", *TOOLS)
    return None if subprocess.run([tools / "bin/pip", *install]).returncode else tools


def write_bills(tools: Path) -> None:
    """Write the bills of materials into FOLDER."""
    for lock, name in BILLS.items():
        write = ("requirements", ROOT / lock, "--output-file", FOLDER / name)
        subprocess.run([tools / "bin/cyclonedx-py", *write], check=True)
        _say(0, f"bill of materials: {(FOLDER / name).relative_to(ROOT)}")


def ask(tools: Path, lock: str) -> tuple[str, str]:
    """Ask for the known faults of the packages in a lock. Returns the report as JSON, empty if
    there is none, and the messages."""
    public, report = FOLDER / "public.lock", FOLDER / "audit.json"
    public.write_text(without_own((ROOT / lock).read_text()))
    report.unlink(missing_ok=True)
    options = ("--disable-pip", "--require-hashes", "--format=json", "--output", report)
    done = subprocess.run(
        [tools / "bin/pip-audit", *options, "--requirement", public], capture_output=True, text=True
    )
    return report.read_text() if report.exists() else "", done.stderr.strip()


def without_own(lock: str) -> str:
    """A lock without the project's own package, which no advisory can name."""
    return _OWN.sub("", lock)


def verdict(lock: str, report: str, messages: str) -> tuple[int, str]:
    """The exit code for the report on a lock, and the text that explains it."""
    if not report:
        offline = _OFFLINE.search(messages)
        return (0 if offline else 1), f"{lock}: not audited: {messages or 'there is no report'}"
    packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    faults = [
        f"{lock}: {each['name']} {each['version']}: {fault['id']}, fixed in "
        f"{', '.join(fault['fix_versions']) or 'no version'}"
        for each in packages
        for fault in each.get("vulns", ())
    ]
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if faults:
        return 1, "\n".join(faults)
    if not packages or 0 < len(skipped) < len(packages):
        return 1, f"{lock}: the advisories do not know {', '.join(skipped) or 'any package'}"
    if skipped:
        return 0, f"{lock}: not audited: the advisories cannot be reached"
    return 0, f"{lock}: {len(packages)} packages without a known fault"


def _say(code: int, text: str) -> int:
    sys.stdout.write(f"{text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
