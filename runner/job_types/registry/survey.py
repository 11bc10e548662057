"""Scans the sources of job types, and imports what they find on trial, in another process."""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from runner.job_types.json_values import Json
from runner.job_types.registry.broken import BrokenType
from runner.job_types.registry.mentions import mentioned_types
from runner.job_types.registry.sources import Source, expand

EACH_SECONDS = 15.0
"""How long the import of a module may take."""
ALL_SECONDS = 60.0
"""How long all trials together may take, unless each one ends in time."""
_GRACE_SECONDS = 10.0
"""How much longer the prober may take: it has to start, and to end what an import has left."""


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
        [sys.executable, "-m", "runner.job_types.registry.prober"],
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
