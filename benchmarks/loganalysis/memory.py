"""The peak memory of an analysis, in the job's process and in its helper processes.

    python -m benchmarks.loganalysis.memory [--size-mb 1000] [--helpers 2] [--row TEXT]

Each row is one run in a new process, which does everything that a job process does, including the
check of the result. Files are written to TMPDIR. Prints a Markdown table.
"""

import argparse
import lzma
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.loganalysis.analyze import REGEXES, TWENTY, thousand
from benchmarks.loganalysis.log_file import make_log
from tests.support.loganalysis.archives import tar_of
from tests.support.loganalysis.memory import Measured, measure

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MB = 1_000_000
HEAD = ["| input | job process, MB | a helper, MB | CPU seconds | outcome |", "|---" * 5 + "|"]
LONGEST = [*TWENTY, {"pattern": "x.*y|z+", "regex": True}]
NUMBERS = [f"{number:03d} " for number in range(1000)]
NESTED = ["a" * size for size in range(1, 1001)]
FIRST = datetime(2016, 1, 1, tzinfo=UTC)

_XZ = {"id": lzma.FILTER_LZMA2, "preset": 0}

Content = Iterator[bytes]


@dataclass(frozen=True)
class Case:
    """A file, made for a given size of the large ones, and the payload of its job."""

    name: str
    content: Callable[[Path, int], Content]
    payload: dict[str, Any]


def log(folder: Path, size: int) -> Content:
    """The log of the other benchmarks."""
    path = folder / "log"
    if not path.exists():
        make_log(path, size)
    with path.open("rb") as file:
        while chunk := file.read(MB):
            yield chunk


def one_line(folder: Path, size: int) -> Content:
    """A file without any newline."""
    return (chunk.replace(b"\n", b" ") for chunk in log(folder, size))


def all_in_each_line(folder: Path, size: int) -> Content:
    """Each line has a time, spread over ten years, and each of a thousand texts."""
    rest = "".join(NUMBERS)
    dates = (FIRST + timedelta(minutes=1051 * number) for number in range(5000))
    return (f"{date:%Y-%m-%dT%H:%M:%SZ} {rest}\n".encode() for date in dates)


def nested(folder: Path, size: int) -> Content:
    """Two thousand lines, full of a thousand texts that contain one another."""
    return iter([(b"a" * 999 + b"\n") * 2000])


def xz(level: dict[str, int]) -> Callable[[Path, int], Content]:
    """A tenth of the log, compressed with xz. (Preset 0 alone would have a smaller dictionary.)"""

    def content(folder: Path, size: int) -> Content:
        chain = [{"id": lzma.FILTER_LZMA2, "preset": 0, **level}]
        compressor = lzma.LZMACompressor(filters=chain)
        yield from map(compressor.compress, _first(log(folder, size), size // 10))
        yield compressor.flush()

    return content


def zst(window_log: int) -> Callable[[Path, int], Content]:
    """The log, compressed with zstd and a window of 2 ** `window_log` bytes."""

    def content(folder: Path, size: int) -> Content:
        options: dict[int, int] = {zstd.CompressionParameter.window_log: window_log}
        compressor = zstd.ZstdCompressor(options=options)
        yield from map(compressor.compress, log(folder, size))
        yield compressor.flush()

    return content


def tar(folder: Path, size: int) -> Content:
    """A tar archive of four parts of the log."""
    data = b"".join(_first(log(folder, size), size // 4))
    yield tar_of({f"{number}.log": data for number in range(4)})


def tar_xz(folder: Path, size: int) -> Content:
    """A tar.xz with the largest dictionary, and in it xz files with the largest for a member."""
    data = b"".join(_first(log(folder, size), size // 20))
    inner = lzma.compress(data, filters=[{**_XZ, "dict_size": 8 << 20}])
    content = tar_of({"1.log.xz": inner, "2.log": data, "3.log.xz": inner})
    yield lzma.compress(content, filters=[{**_XZ, "dict_size": 32 << 20}])


def small_members(folder: Path, size: int) -> Content:
    """A tar archive with 50,000 members of 2 KB."""
    data = b"".join(_first(log(folder, size), 1))[:2000]
    yield tar_of({f"{number}.log": data for number in range(50_000)})


def _first(content: Content, size: int) -> Content:
    for chunk in content:
        yield chunk
        size -= len(chunk)
        if size <= 0:
            return


def regexes() -> list[dict[str, Any]]:
    """A thousand regexes with large automata."""
    return [
        {"pattern": f"[a-z]{{1,9}}{n:03d}.*[0-9]{{2,9}}|{n}x+", "regex": True} for n in range(1000)
    ]


SHOWN = {"samples": 20, "histogram": "minute"}
CASES = [
    Case("plain, in ranges", log, {"patterns": TWENTY}),
    Case(
        "plain, in ranges, 1,000 texts, samples, histogram", log, {"patterns": thousand(), **SHOWN}
    ),
    Case("one line", one_line, {"patterns": LONGEST}),
    Case(
        "1,000 texts in each line, samples, histogram",
        all_in_each_line,
        {"patterns": NUMBERS, **SHOWN},
    ),
    Case("1,000 frequent texts that contain one another", nested, {"patterns": NESTED}),
    Case("5 regexes", log, {"patterns": [{"pattern": each, "regex": True} for each in REGEXES]}),
    Case("1,000 regexes", all_in_each_line, {"patterns": regexes()}),
    Case("xz, dictionary of 32 MiB", xz({"dict_size": 32 << 20}), {"patterns": TWENTY}),
    Case("xz, dictionary of 64 MiB", xz({"dict_size": 64 << 20}), {"patterns": TWENTY}),
    Case("zstd, window of 32 MiB", zst(25), {"patterns": TWENTY}),
    Case("zstd, window of 2 GiB", zst(31), {"patterns": TWENTY}),
    Case("tar, 4 members", tar, {"patterns": TWENTY}),
    Case("tar, 50,000 members", small_members, {"patterns": TWENTY}),
    Case("tar.xz, dictionary of 32 MiB, xz members of 8 MiB", tar_xz, {"patterns": TWENTY}),
]


def line(case: Case, measured: Measured) -> str:
    """A row of the table."""
    outcome = "done" if measured.error is None else "refused"
    memory = f"{measured.own / MB:.0f} | {measured.helpers / MB:.0f}"
    return f"| {case.name} | {memory} | {measured.seconds:.1f} | {outcome} |"


def main() -> None:
    """Measure, and print a row for each case."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loganalysis.memory")
    parser.add_argument("--size-mb", type=int, default=1000)
    parser.add_argument("--helpers", type=int, default=2)
    parser.add_argument("--row", default="", help="only rows whose name has this text")
    options = parser.parse_args()
    sys.stdout.write("\n".join([*HEAD, ""]))
    with tempfile.TemporaryDirectory() as name:
        folder, file = Path(name), Path(name, "input")
        for case in (each for each in CASES if options.row in each.name):
            with file.open("wb") as output:
                output.writelines(case.content(folder, options.size_mb * MB))
            measured = measure(file, case.payload, options.helpers)
            sys.stdout.write(f"{line(case, measured)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
