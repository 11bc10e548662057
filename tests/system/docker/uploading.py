"""An upload and its job, seen to the end. Runs inside a container, with the standard library alone.

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
    """Send a log of some 10 MB, and wait for its counts."""
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
    with urllib.request.urlopen(urllib.request.Request(base, body, form), timeout=60) as answer:
        job_id = json.load(answer)["job_id"]
    status, end = "", time.monotonic() + 60
    while status not in ("succeeded", "failed", "canceled") and time.monotonic() < end:
        asked = urllib.request.Request(f"{base}/{job_id}?wait=5", headers=headers)
        with urllib.request.urlopen(asked, timeout=20) as answer:
            job = json.load(answer)
            status = job["status"]
    sys.stdout.write(json.dumps(job))


if __name__ == "__main__":
    main()
