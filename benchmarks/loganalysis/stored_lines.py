"""How long lines of a stored file take, compared with sed and grep, and what the index costs.

    python -m benchmarks.loganalysis.stored_lines [--lines 10000000] [--runs 11]

The file has the lines of a day, 100 bytes each, and is in the page cache. CPU milliseconds, medians
of interleaved runs: of a reading process, as runner.lines is, for a page of JSON or all lines as
text, and of sed and grep for the same lines. "Fresh" is a process that has not seen the file
before. The last rows are scans of the whole file with and without the index. Needs sed and grep.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from isal import igzip

from loganalysis.match.patterns import Pattern
from loganalysis.scan.analyze import _recorder, analyze
from loganalysis.scan.options import AnalysisOptions, scan_options_of
from loganalysis.scan.result_json import to_json
from runner.lines.__main__ import Answers

TEXT_BYTES = 256 * 1024
DAY = datetime(2026, 11, 25, tzinfo=UTC)
OPTIONS = AnalysisOptions()
MINUTE = {"start": [(DAY + timedelta(hours=13, minutes=12)).timestamp(), False]}
MINUTE["end"] = [MINUTE["start"][0] + 60, False]
NO_CONDITIONS: dict[str, Any] = {
    **dict.fromkeys(("match", "regex", "start", "end", "line", "cursor")),
    **{"ignore_case": False, "before": 0, "after": 0, "limit": 100},
}


def make_day(path: Path, lines: int) -> None:
    """Write the lines of a day, evenly spread over its seconds."""
    levels = ["INFO"] * 9 + ["ERROR"]
    rest = "for /api/v1/orders was answered in 17 ms by host07.example.org"
    tails = [f" {levels[n % 10]:5} request {n:05d} {rest}\n" for n in range(100_000)]
    written = 0
    with path.open("w") as file:
        for second in range(86_400):
            count = (second + 1) * lines // 86_400 - written
            stamp = f"{DAY + timedelta(seconds=second):%Y-%m-%dT%H:%M:%SZ}"
            at = written % 90_000
            file.write(stamp + stamp.join(tails[at : at + count]) if count else "")
            written += count


def cpu_of(call: Callable[[], Any]) -> float:
    """CPU seconds of a call in this process."""
    began = time.process_time()
    call()
    return time.process_time() - began


def cpu_of_command(*command: str) -> float:
    """CPU seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command, stdout=subprocess.DEVNULL, check=True, env={**os.environ, "LC_ALL": "C"}
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Reader:
    """Reads pages of a file, as a listener asks for them."""

    def __init__(self, path: Path, about: dict[str, Any] | None, member: str | None = None):
        """`about` is the object `file` of a result, if there is one; `member` names the member."""
        self._path, self._about = path, about or {}
        self._member = member
        self._answers = Answers()

    def page(self, **conditions: Any) -> float:
        """CPU seconds of all pages of a query."""
        return cpu_of(lambda: self._pages({**NO_CONDITIONS, **conditions}))

    def fresh_page(self, **conditions: Any) -> float:
        """CPU seconds of all pages of a query, in a process that does not know the file."""
        self._answers = Answers()
        return self.page(**conditions)

    def _pages(self, query: dict[str, Any]) -> None:
        request = {
            **{"key": str(self._path), "path": str(self._path), "size": self._path.stat().st_size},
            **{"encoding": None, "query": query, "seconds": 2.0, "member": self._member},
            "index": self._about.get("line_index"),
            "access_points": self._about.get("access_points"),
        }
        while query["limit"] is None:
            answer = self._answers.answer({**request, "text_bytes": TEXT_BYTES})
            query["cursor"] = answer["cursor"]
            if query["cursor"] is None:
                return
        page: dict[str, Any] = {"lines": []}
        while not page["lines"]:  # the time of a page can be over before its first line
            page = json.loads(self._answers.answer({**request, "text_bytes": None})["body"])
            query["cursor"] = page["next"]


def scan(path: Path, patterns: list[Pattern], with_index: bool) -> float:
    """CPU seconds to analyze a file in one process."""
    original = scan_options_of

    def without_marks(*arguments: Any) -> Any:
        options = original(*arguments)
        return replace(options, lines=options.lines and replace(options.lines, mark_time=None))

    def work() -> None:
        to_json(analyze(path, patterns, OPTIONS, lambda progress: None), OPTIONS)

    recorder = _recorder if with_index else lambda *arguments: None
    options = original if with_index else without_marks
    with (
        patch("loganalysis.scan.analyze.scan_options_of", options),
        patch("loganalysis.scan.analyze._recorder", recorder),
    ):
        return cpu_of(work)


def about(path: Path) -> dict[str, Any]:
    """Analyze a file, and return the object `file` of the result, whose index has times."""
    options = AnalysisOptions(timeline=True)
    result = to_json(analyze(path, [Pattern("ERROR")], options, lambda progress: None), options)
    found: dict[str, Any] = result["file"]
    return found


def calls(folder: Path, lines: int) -> dict[str, Callable[[], float]]:
    """The functions to measure, by the name of their row."""
    plain, packed = folder / "day.log", folder / "day.log.gz"
    make_day(plain, lines)
    gzip: Any = igzip  # its functions have no types
    with plain.open("rb") as source, gzip.open(packed, "wb", 1) as target:
        shutil.copyfileobj(source, target, 1 << 20)
    zipped, archived = folder / "day.zip", folder / "day.tar.gz"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(plain, "day.log")
    subprocess.run(["tar", "-C", folder, "-I", "gzip -1", "-cf", archived, "day.log"], check=True)
    reader, unknown = Reader(plain, about(plain)), Reader(plain, None)
    of_gzip, of_gzip_alone = Reader(packed, about(packed)), Reader(packed, None)
    of_zip = Reader(zipped, about(zipped), "day.log")
    of_tar = Reader(archived, about(archived), "day.log")
    far, minute = lines // 10 * 9, "2026-11-25T13:12:"
    around = {"line": far, "before": 20, "limit": 20}
    texts = [Pattern(f"request {n:05d}") for n in range(20)]
    sed = ("sed", "-n", f"{far - 20},{far + 19}p;{far + 20}q", str(plain))
    return {
        "40 lines around a far one": lambda: reader.page(**around),
        "these, fresh": lambda: reader.fresh_page(**around),
        "these, fresh and without the index": lambda: unknown.fresh_page(**around),
        "sed -n for these": lambda: cpu_of_command(*sed),
        "one minute, 100 lines": lambda: reader.page(**MINUTE),
        "one minute, 1,000 lines": lambda: reader.page(**MINUTE, limit=1000),
        "one minute, all lines as text": lambda: reader.page(**MINUTE, limit=None),
        "one minute, 100 lines, fresh and without the index": lambda: unknown.fresh_page(**MINUTE),
        "these again": lambda: unknown.page(**MINUTE),
        "grep for these": lambda: cpu_of_command("grep", minute, str(plain)),
        "40 lines around a far one, gzip": lambda: of_gzip.page(**around),
        "these, gzip, fresh": lambda: of_gzip.fresh_page(**around),
        "these, gzip, fresh and without the index": lambda: of_gzip_alone.fresh_page(**around),
        "one minute, 100 lines, gzip, fresh": lambda: of_gzip.fresh_page(**MINUTE),
        "40 lines around a far one, tar.gz, fresh": lambda: of_tar.fresh_page(**around),
        "one minute, 100 lines, tar.gz, fresh": lambda: of_tar.fresh_page(**MINUTE),
        "40 lines around a far one, zip (stored), fresh": lambda: of_zip.fresh_page(**around),
        "one minute, 100 lines, zip (stored), fresh": lambda: of_zip.fresh_page(**MINUTE),
        "scan for 1 text, with the index": lambda: scan(plain, texts[:1], True),
        "scan for 1 text, without": lambda: scan(plain, texts[:1], False),
        "scan for 20 texts, with the index": lambda: scan(plain, texts, True),
        "scan for 20 texts, without": lambda: scan(plain, texts, False),
        "scan of the gzip file, with the index": lambda: scan(packed, texts[:1], True),
        "scan of the gzip file, without": lambda: scan(packed, texts[:1], False),
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loganalysis.stored_lines")
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=11)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        measured = calls(Path(name), options.lines)
        runs = [{row: call() for row, call in measured.items()} for _ in range(options.runs)]
    rows = [f"| {row} | {1000 * median(each[row] for each in runs):.1f} |" for row in measured]
    print("\n".join(["| | CPU ms |", "|---|---|", *rows]))  # noqa: T201
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory of this process: {peak:.0f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
