"""Uploads a file and waits for its job. Runs inside a container, and needs only the standard
library.

    python uploading.py TOKEN LISTENER

Prints the job as JSON.
"""

import json
import sys
import time
import urllib.request

LINES = 1_000_000
BOUNDARY = "5f1d2c9b"


def main() -> None:
    """Upload a log of about 10 MB, and wait for the end of its job."""
    token, listener = sys.argv[1:]
    base = f"http://{listener}:5000/jobs"
    headers = {"Authorization": f"Bearer {token}"}
    log = b"ERROR one\nWARN two\nERROR three\n" * (LINES // 3)
    fields = {"type": "analyze", "payload": json.dumps({"patterns": ["ERROR", "WARN"]})}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    file = 'Content-Disposition: form-data; name="filename"; filename="app.log"'
    head = f"{''.join(parts)}--{BOUNDARY}\r\n{file}\r\n\r\n".encode()
    body = head + log + f"\r\n--{BOUNDARY}--\r\n".encode()
    form = {**headers, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    with urllib.request.urlopen(urllib.request.Request(base, body, form), timeout=60) as response:
        job_id = json.load(response)["job_id"]
    status, end = "", time.monotonic() + 60
    while status not in ("succeeded", "failed", "canceled") and time.monotonic() < end:
        asked = urllib.request.Request(f"{base}/{job_id}?wait=5", headers=headers)
        with urllib.request.urlopen(asked, timeout=20) as response:
            job = json.load(response)
            status = job["status"]
    sys.stdout.write(json.dumps(job))


if __name__ == "__main__":
    main()
