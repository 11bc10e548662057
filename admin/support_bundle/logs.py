"""The programs' own logs: their last lines, without texts that come from jobs.

A line counts if it is a JSON object, or begins with a time, as the programs write it, or continues
such a line. Lines that jobs print to the log of a worker with LOG_BYTES=0 are left out, unless
they look like such lines.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from storage.records.counted import counted

MAX_BYTES = 8 * 1024**2
"""How much of the end of a log is read."""
OF_JOBS = frozenset({"error", "traceback", "payload", "result", "output", "progress", "metadata"})
"""Fields with texts of jobs."""
_UNITS = "job-service*"
_PREFIX = re.compile(r"^\S{1,40} +\| ")
"""What `docker compose logs` writes before a line."""
_TIMED = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S* ")
_FIELD_OF_JOBS = re.compile(rf" (?:{'|'.join(sorted(OF_JOBS))})=.*")


def read_end(path: str) -> str:
    """Return the end of a file, or of standard input for `-`. Raises OSError."""
    if path == "-":
        return sys.stdin.buffer.read()[-MAX_BYTES:].decode(errors="replace")
    with Path(path).open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - MAX_BYTES))
        return file.read().decode(errors="replace")


def read_journal() -> str | None:
    """Return the end of the journal of our systemd units; None if there is none."""
    if shutil.which("journalctl") is None:
        return None
    command = ["journalctl", "--unit", _UNITS, "--lines", "20000", "--no-pager", "--output", "cat"]
    try:
        answer = subprocess.run(command, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    text = answer.stdout.decode(errors="replace")
    return text if not answer.returncode and not text.startswith("-- No entries") else None


def without_texts_of_jobs(text: str) -> str:
    """Return the lines of a log that a program has written, without the fields in OF_JOBS."""
    kept, left_out, follows = list[str](), 0, False
    for whole in text.splitlines():
        line = _PREFIX.sub("", whole)
        if line.startswith("{"):
            found, follows = _json_line(line), False
        elif _TIMED.match(line):
            found = _FIELD_OF_JOBS.sub("", line)
            follows = found == line  # else further lines continue the text of a job
        else:
            found = line if follows and line.startswith((" ", "Traceback")) else None
        if found is None:
            left_out += 1
        else:
            kept.append(found)
    if left_out:
        are = (
            "line that is no entry of a program was",
            "lines that are no entries of a program were",
        )
        kept.append(f"({counted(left_out, *are)} left out)")
    return "".join(f"{line}\n" for line in kept)


def _json_line(line: str) -> str | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    is_ours = isinstance(entry, dict) and "message" in entry and "level" in entry
    if not is_ours:
        return None
    return json.dumps({k: v for k, v in entry.items() if k not in OF_JOBS}, ensure_ascii=False)


def names_of(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each path with the name of its file in the bundle, all of them different."""
    for number, path in enumerate(paths):
        name = "stdin" if path == "-" else re.sub(r"[^A-Za-z0-9._-]", "_", Path(path).name)
        yield path, f"logs/{number}-{name}.log"
