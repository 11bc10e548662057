"""Analyses of small files of several formats, whose results must not depend on the machine."""

import gzip
import json
import os
import random
from pathlib import Path
from typing import Any

from runner.job_types.registry.loader import load

TIMES = ("seconds", "bytes_per_second")
PATTERNS = [
    "502",
    {"pattern": "error", "ignore_case": True},
    {"pattern": "took", "word": True},
    {"pattern": "u[0-9]+7", "regex": True},
]
PAYLOADS: list[dict[str, Any]] = [
    {"overview": True},
    {"patterns": PATTERNS, "histogram": "auto", "samples": 3, "context": 2},
]
FIELDS = {"patterns": ["GET"], "fields": ["status", "bytes", "client"], "fields_over_time": True}
LINES = 10_000
WRITTEN_AT = 1_796_000_000


def write_files(folder: Path) -> list[Path]:
    """Write the files, unless they are there."""
    rng = random.Random(1)
    access = "".join(
        f"10.0.{rng.randrange(9)}.{rng.randrange(200)} - - [29/Nov/2026:{i // 1500:02}:"
        f'{i // 25 % 60:02}:{i % 60:02} +0000] "GET /p/{rng.randrange(50)} HTTP/1.1" '
        f'{rng.choice([200, 200, 404, 502])} {rng.randrange(100_000)} "-" "curl/8"\n'
        for i in range(LINES)
    )
    records = "".join(
        json.dumps(
            {
                "time": f"2026-11-29T12:{i // 60 % 60:02}:{i % 60:02}.{rng.randrange(1000):03}Z",
                "level": rng.choice(["info", "warn", "error"]),
                "msg": f"order {i} took {rng.randrange(5000)} ms",
                "user": f"u{rng.randrange(77)}",
            }
        )
        + "\n"
        for i in range(LINES)
    )
    plain = "".join(
        f"2026-11-29 12:{i // 60 % 60:02}:{i % 60:02} {'INFO' if i % 5 else 'ERROR'} user {i}\n"
        for i in range(LINES)
    )
    texts = {"access.log": access, "app.json": records, "app.log": plain}
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "app.json.gz").write_bytes(gzip.compress(records.encode(), mtime=0))
    files = [folder / name for name in (*texts, "app.json.gz")]
    for file in files:
        os.utime(file, (WRITTEN_AT, WRITTEN_AT))  # a year may depend on it, so the result has it
    return files


def analyze_all(folder: Path) -> dict[str, Any]:
    """Return the results of all analyses without their times, by the file and the payload."""
    entry = load(["runner.job_types"])
    files = write_files(folder)
    wanted = [(file, payload) for file in files for payload in PAYLOADS]
    wanted.append((files[0], FIELDS))
    found = {}
    for file, payload in wanted:
        upload = {"path": str(file), "name": file.name, "size": os.path.getsize(file)}
        request = {"job_id": "arm", "attempt": 1, "type": "analyze", "payload": payload}
        result = json.loads(entry(json.dumps({**request, "upload": upload}), lambda progress: None))
        for name in TIMES:
            result["file"].pop(name)
        found[f"{file.name} {'+'.join(payload)}"] = result
    return found
