"""Scans the sources of job types, and imports what they find on trial, in another process."""

import contextlib
import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.job_types.json_values import Json
from runner.job_types.registry.broken import BrokenType
from runner.job_types.registry.sources import Source, expand
from storage.records.our_modules import module_command

EACH_SECONDS = 15.0
"""How long the import of a module may take."""
ALL_SECONDS = 60.0
"""How long all trials together may take, unless each one ends in time."""
_GRACE_SECONDS = 10.0
"""How much longer the prober may take: it has to start, and to end what an import has left."""

_MAX_CHARACTERS = 2**20
"""How much of a file is read."""
_PYTHON = re.compile(
    r"""
      @(?:\w+\.)*job\(\s*(?:name\s*=\s*)?(["'])(?P<option>[^"'\n]{1,100})\1   # @job("resize")
    | @(?:\w+\.)*job\b[^@]{0,1000}?\bdef\s+(?P<function>\w+)                  # @job def resize(
    | ^[ \t]+name\s*(?::[^=\n]{1,100})?=\s*(["'])(?P<attribute>[^"'\n]{1,100})\4   # name = "resize"
    """,
    re.VERBOSE | re.MULTILINE,
)
_COMMANDS = re.compile(r'"(?P<command>[A-Za-z][A-Za-z0-9_.-]{0,99})"\s*:\s*\{')
"""Names of parameters look alike, which does no harm: no other job type has them."""


@dataclass
class Survey:
    """The result of a scan: the sources to import, and the modules that cannot be imported."""

    packages: list[str] = field(default_factory=list)
    broken: list[BrokenType] = field(default_factory=list)


def survey(packages: Sequence[str]) -> Survey:
    """Replace each scan among the sources by the modules that can be imported.

    It starts no process if the scans find nothing.
    """
    done = Survey()
    with contextlib.ExitStack() as resources:
        trials = Trials()
        resources.callback(trials.close)
        for text in packages:
            found = expand(text)
            if found is None:
                done.packages.append(text)
                continue
            for source in found:
                broken = trials.problem(source)
                if broken is None:
                    done.packages.append(source.text)
                else:
                    done.broken.append(broken)
    return done


class Trials:
    """Imports modules on trial. The process that does it starts with the first one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._any_too_slow = False
        self._began_at = time.monotonic()

    def problem(self, source: Source) -> BrokenType | None:
        """Import a module on trial. Returns why it cannot be used, or None."""
        if self._any_too_slow and time.monotonic() - self._began_at > ALL_SECONDS:
            reason = "it was not tried, because the imports of other files took too long"
            return _broken(source, {"reason": reason, "remedy": "repair the others first"})
        started_at = time.monotonic()
        answer = self._ask(source, EACH_SECONDS)
        self._any_too_slow |= time.monotonic() - started_at >= EACH_SECONDS
        return _broken(source, answer) if "reason" in answer else None

    def close(self) -> None:
        """End the process."""
        if self._process:
            process, self._process = self._process, None
            process.kill()
            process.communicate()

    def _ask(self, source: Source, seconds: float) -> Json:
        process = self._process = self._process or _start()
        assert process.stdin
        request = json.dumps({"text": source.text, "seconds": seconds})
        try:
            process.stdin.write(request.encode() + b"\n")
            process.stdin.flush()
            answer: Json = json.loads(_read_line(process, seconds + _GRACE_SECONDS))
        except (OSError, ValueError):
            self.close()
            reason = "its import ends the process that tries it"
            return {"reason": reason, "remedy": "move this code into run"}
        return answer


def _broken(source: Source, answer: Json) -> BrokenType:
    line, reason, remedy = answer.get("line"), answer["reason"], answer["remedy"]
    mentions = mentioned_types(source.path)
    return BrokenType(source.origin, source.file, line, reason, remedy, mentions=mentions)


def _start() -> subprocess.Popen[bytes]:
    """Start the prober, in a session of its own so that Ctrl-C does not reach it."""
    return subprocess.Popen(
        module_command("runner.job_types.registry.prober"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,
    )


def _read_line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """Return the next line of a process; an incomplete one if that takes too long, or it ends."""
    return b"".join(_pieces(process, time.monotonic() + seconds))


def _pieces(process: subprocess.Popen[bytes], end: float) -> Iterator[bytes]:
    assert process.stdout
    descriptor = process.stdout.fileno()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while True:
        left = max(0.0, end - time.monotonic())
        piece = os.read(descriptor, 65536) if poll.poll(left * 1000) else b""
        yield piece
        if not piece or piece.endswith(b"\n"):
            return


def mentioned_types(path: str) -> frozenset[str]:
    """Return the names of the job types that a Python file or a file of commands seems to define.

    Empty if the file cannot be read.
    """
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            text = file.read(_MAX_CHARACTERS)
    except OSError:
        return frozenset()
    pattern = _COMMANDS if path.endswith(".json") else _PYTHON
    return frozenset(match[match.lastgroup or 0] for match in pattern.finditer(text))
