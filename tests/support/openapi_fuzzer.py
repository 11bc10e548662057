"""Fuzzes a listener with requests that /openapi.json describes, and with many that it does not.

  python -m tests.support.openapi_fuzzer [PATH OF schemathesis] [SECONDS]

Install Schemathesis separately, best in an environment of its own. Event streams are excluded,
because they do not end. All other responses must conform to their description.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.programs import running_service

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


def main(program: str = "schemathesis", seconds: str = "300") -> int:
    """Return the exit code of Schemathesis, or 1 if the listener has logged an error."""
    found = shutil.which(program)
    if found is None:
        sys.exit(f"{program} is not installed: pip install schemathesis")
    with (
        tempfile.TemporaryDirectory() as folder,
        running_service("", Path(folder), JOB_TYPES="runner.job_types") as service,
    ):
        command = [found, "run", f"{service.base_url}/openapi.json", "--max-time", seconds]
        options = ["--checks", ",".join(CHECKS), "--exclude-path-regex", "/events$"]
        options += ["--generation-database", "none", "--request-timeout", "90"]
        code = subprocess.run([*command, *options], cwd=folder, check=False).returncode
        bad = [line for line in service.listener.lines() if line["level"] in ("ERROR", "CRITICAL")]
        sys.stdout.writelines(f"{line}\n" for line in bad)
        return code or bool(bad)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
